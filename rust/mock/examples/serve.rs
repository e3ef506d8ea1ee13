//! Runs the mock provider until it is interrupted: `cargo run -p ferrogate-mock --example serve -- '{"port": 8081}'`.

use std::error::Error;
use std::io::Write;

use ferrogate_mock::{MockServer, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let options: Options = serde_json::from_str(std::env::args().nth(1).as_deref().unwrap_or("{}"))?;
    let host = options.host.clone();
    let server = MockServer::start(options)?;
    writeln!(std::io::stdout(), "listening on http://{host}:{}", server.port())?;
    loop {
        std::thread::park();
    }
}
