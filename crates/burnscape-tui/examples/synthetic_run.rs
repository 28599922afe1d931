//! Writes a run of known numbers, to look at the views: `synthetic_run FOLDER [MILLISECONDS]`,
//! where milliseconds slow the steps down as if training went on.

#[path = "../tests/screens/support/mod.rs"]
mod support;

use std::time::Duration;

use burnscape_trace::{Record, RunFolder, Writer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "runs/synthetic".to_owned());
    let pause = Duration::from_millis(arguments.next().map_or(Ok(0), |text| text.parse())?);
    let synthetic = support::Synthetic { with_looks: true, ..support::Synthetic::default() };
    let mut writer = Writer::create(&RunFolder::create(folder)?)?;
    for record in synthetic.records() {
        writer.append(&record)?;
        if matches!(record, Record::Step(_)) && !pause.is_zero() {
            writer.flush()?;
            std::thread::sleep(pause);
        }
    }
    writer.flush()?;
    Ok(())
}
