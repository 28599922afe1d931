//! Lends the CPU of this machine to whoever has the token: `BURNSCAPE_REMOTE_TOKEN=… server 192.168.1.7:3000`.

use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use burn::server::telemetry::{DrainStatus, TelemetryEvent, TelemetryProbe, TelemetrySubscription};
use burn::server::{RemoteServer, TokenAuthorizer, WebSocketTransport};
use burn::tensor::Device;
use clap::Parser;

#[derive(Parser)]
struct Arguments {
    /// Address and port to listen at. Burn's own default is every network that this machine is in; say which one.
    #[arg(default_value = "127.0.0.1:3000")]
    address: SocketAddr,
    /// What a client has to send; whoever does not is refused.
    #[arg(long, env = "BURNSCAPE_REMOTE_TOKEN", hide_env_values = true)]
    token: String,
    /// Prints what clients have asked for, whenever they pause.
    #[arg(long)]
    count: bool,
}

fn main() -> Result<()> {
    let Arguments { address, token, count } = Arguments::parse();
    let listener = TcpListener::bind(address).with_context(|| format!("{address} is not free"))?;
    println!("listening at ws://{}", listener.local_addr()?);
    let mut server =
        RemoteServer::new([Device::flex()]).with_authorizer(TokenAuthorizer::new(token)?);
    if count {
        let (probe, heard) = TelemetryProbe::channel(1 << 20);
        thread::spawn(move || tell(heard));
        server = server.with_telemetry(probe);
    }
    server.serve(WebSocketTransport::from_listener(listener))?;
    Ok(())
}

/// Counts what clients ask for, and says so whenever they have stopped asking.
fn tell(mut heard: TelemetrySubscription) {
    let (mut operations, mut dropped, mut reads, mut missed) = (0_u64, 0_u64, 0_u64, 0);
    let mut is_told = true;
    loop {
        let mut events = Vec::new();
        match heard.drain_into(&mut events) {
            DrainStatus::Open { lagged } => missed += lagged,
            DrainStatus::Closed => return,
        }
        for event in &events {
            match **event {
                TelemetryEvent::Op { .. } => operations += 1,
                TelemetryEvent::TensorDropped { .. } => dropped += 1,
                TelemetryEvent::Read { .. } => reads += 1,
                _ => {}
            }
        }
        if events.is_empty() && !is_told {
            println!(
                "{operations} operations, {dropped} tensors dropped, {reads} reads, {missed} not counted"
            );
        }
        is_told = events.is_empty();
        thread::sleep(Duration::from_millis(200));
    }
}
