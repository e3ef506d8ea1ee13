//! The crate's side of `python -m bench.embed`: reads one text a line, and answers each with one line of JSON.
//!
//! `embed FOLDER`; a first line tells about the load, then for each text: the vector, and what the call took on the
//! clock and of the thread's processor time, in seconds.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant};

use ferrogate_embed::{Embed, Embedder, Scratch};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: embed FOLDER < texts")?;
    let start = Instant::now();
    let embedder = Embedder::new(folder)?;
    let load = start.elapsed().as_secs_f64();
    let about = serde_json::json!({"id": embedder.id(), "kernel": embedder.kernel(), "load": load});
    let mut out = io::stdout().lock();
    writeln!(out, "{about}")?;
    out.flush()?;
    let mut scratch = Scratch::default();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (start, used) = (Instant::now(), processor_time()?);
        let vector = embedder.embed(&line, &mut scratch)?;
        let (wall, used) = (start.elapsed().as_secs_f64(), processor_time()?.saturating_sub(used));
        let answer = serde_json::json!({"wall": wall, "cpu": used.as_secs_f64(), "vector": vector.to_vec()});
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

/// Of this thread.
fn processor_time() -> io::Result<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "the standard library has no processor time")]
    // SAFETY: the pointer is to a timespec of this function.
    if unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0)))
}
