//! Shards: each a thread with its own runtime and its own listener on the one port (`SO_REUSEPORT`).

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, ToSocketAddrs};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::options::Options;
use crate::record::Recorder;
use crate::service::{Shared, serve};
use crate::socket::ClientSocket;

const BACKLOG: i32 = 4096;
/// After a failed accept (no file descriptor left) the listener rests for this long.
const ACCEPT_REST: Duration = Duration::from_millis(10);

/// A running mock provider. Dropping it stops it.
#[derive(Debug)]
pub struct MockServer {
    port: u16,
    stop: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl MockServer {
    /// Binds and starts; it accepts connections when this returns.
    pub fn start(options: Options) -> io::Result<Self> {
        let script = options.script()?;
        let Options { host, port, threads, record, record_bytes, thread_name, .. } = options;
        let address = (host.as_str(), port)
            .to_socket_addrs()?
            .next()
            .ok_or_else(|| io::Error::new(io::ErrorKind::AddrNotAvailable, "host: no such address"))?;
        let listeners = bind(address, threads)?;
        let port = listeners.first().map_or(Ok(port), |first| first.local_addr().map(|at| at.port()))?;
        let shared = Arc::new(Shared::new(script, record.then(|| Recorder::new(record_bytes))));
        let (stop, stopped) = watch::channel(false);
        let server = Self { port, stop, threads: Mutex::default() };
        for (index, listener) in listeners.into_iter().enumerate() {
            let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
            let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
            let thread = std::thread::Builder::new()
                .name(format!("{thread_name}-{index}"))
                .spawn(move || run(&runtime, listener, &shared, stopped))?;
            server.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(server)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Closes all connections and ends the threads. Idempotent; blocks until they have ended.
    pub fn stop(&self) {
        self.stop.send_replace(true);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A shard that panicked has ended too, and the panic has been reported by its thread.
            let _ = thread.join();
        }
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One listening socket a shard.
fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<StdListener>> {
    if address.port() != 0 {
        // With SO_REUSEPORT a second server of the same user would share the port without a word: this one complains.
        drop(listener(address, false)?);
    }
    let first = listener(address, true)?;
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    while listeners.len() < count {
        listeners.push(listener(address, true)?);
    }
    Ok(listeners)
}

fn listener(address: SocketAddr, shared_port: bool) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared_port)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A shard's life. Dropping the runtime drops its connections.
fn run(runtime: &Runtime, listener: StdListener, shared: &Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    runtime.block_on(async {
        let Ok(listener) = TcpListener::from_std(listener) else { return };
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => {}
            never = accept(&listener, shared) => match never {},
        }
    });
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(shared)))),
            Err(_) => tokio::time::sleep(ACCEPT_REST).await,
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Without it, small events wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request| {
        let (shared, reset) = (Arc::clone(&shared), Arc::clone(&reset));
        async move { serve(&shared, &reset, request).await }
    });
    let socket = ClientSocket::new(stream, Arc::clone(&reset));
    // How a client leaves is in the records; there is nobody to tell about a broken connection.
    let _ = http1::Builder::new().header_read_timeout(None).serve_connection(socket, service).await;
}
