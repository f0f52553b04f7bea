//! Parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    docker_mcp::cli::run()
}
