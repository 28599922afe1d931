//! Where a probe records: the next free folder, one that must be new, or one that goes on.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use burnscape_trace::{RunFolder, Writer};

use super::builder::ProbeBuilder;
use super::{Probe, SWITCH_VARIABLE};
use crate::config::shard::refuse_under_variable;
use crate::config::{Config, Existing};
use crate::observe::hook::Hook;
use crate::recorder::Recorder;
use crate::recorder::earlier::Earlier;
use crate::study::active_recording::ActiveRecording;
use crate::{Error, Result};

/// What recording begins with.
type Opened = (RunFolder, Writer, Option<Earlier>);

impl Probe {
    /// Records into the folder `run`, with the default settings; where it holds a run already, into the next free one
    /// (`runs/digits-2`), whose path is then printed on standard error.
    ///
    /// ```no_run
    /// let probe = burnscape::Probe::start("runs/digits")?;
    /// # drop(probe);
    /// # Ok::<(), burnscape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the folder cannot be written.
    pub fn start(run: impl AsRef<Path>) -> Result<Self> {
        Self::builder(run).start()
    }

    /// Starts recording with settings that were looked at.
    pub(crate) fn record(config: Config) -> Result<Self> {
        let (folder, writer, earlier) = open_run(&config)?;
        let started = Instant::now();
        let recorder = Recorder::start(&config, folder, writer, earlier, started)?;
        tell_where(&config, &recorder);
        let hook = Arc::new(Hook::new(config.clone(), recorder.handle.clone(), started));
        Ok(Self::of(ActiveRecording { config, recorder, hook, is_reopened: false }))
    }
}

impl ProbeBuilder {
    /// Goes on recording in a run folder that already holds a run, for instance with burn's
    /// `checkpoint(n)`; a folder without one is started as usual.
    pub fn resume(mut self) -> Self {
        self.config.existing = Existing::Resume;
        self
    }

    /// Refuses to start if the folder already holds a run. Default: the next free number is taken.
    pub fn refuse_existing(mut self) -> Self {
        self.config.existing = Existing::Refuse;
        self
    }

    /// Takes the next free number (`runs/digits-2`) if the folder already holds a run.
    #[deprecated(note = "this is the default")]
    pub fn next_free(mut self) -> Self {
        self.config.existing = Existing::NextFree;
        self
    }

    /// Starts recording: makes the run folder and the writer thread.
    ///
    /// # Errors
    ///
    /// If a setting makes no sense, the folder cannot be written, this process is to measure a
    /// [share](crate::SHARD_VARIABLE) of a run that was recorded before, or the folder holds a run already and
    /// [`refuse_existing`](Self::refuse_existing) was said.
    pub fn start(self) -> Result<Probe> {
        self.config.validate()?;
        if !self.enabled || is_switched_off() {
            return Ok(Probe::disabled());
        }
        refuse_under_variable("training")?;
        // A builder may be cloned and start several runs; each stops by itself.
        let (stop_asked, stop_told) = (Arc::default(), Arc::default());
        Probe::record(Config { stop_asked, stop_told, ..self.config })
    }
}

fn is_switched_off() -> bool {
    std::env::var(SWITCH_VARIABLE).is_ok_and(|value| {
        ["off", "0", "false", "no"].contains(&value.trim().to_ascii_lowercase().as_str())
    })
}

fn open_run(config: &Config) -> Result<Opened> {
    match config.existing {
        Existing::Resume => resume_or_create(&config.run),
        Existing::Refuse => create(&config.run),
        Existing::NextFree => {
            let (folder, writer) = Writer::create_next(&config.run)?;
            Ok((folder, writer, None))
        }
    }
}

fn resume_or_create(run: &Path) -> Result<Opened> {
    let Ok(folder) = RunFolder::open(run) else {
        return create(run);
    };
    let (writer, resumed) = Writer::resume(&folder)?;
    Ok((folder, writer, Some(resumed.into())))
}

fn create(run: &Path) -> Result<Opened> {
    let folder = RunFolder::create(run)?;
    let writer = Writer::create(&folder).map_err(Error::from)?;
    Ok((folder, writer, None))
}

/// Whoever asked for one folder learns that it is another.
fn tell_where(config: &Config, recorder: &Recorder) {
    let (asked, taken) = (&config.run, recorder.folder.path());
    if taken.components().eq(asked.components()) || config.existing != Existing::NextFree {
        return;
    }
    let why = if asked.is_dir() { "holds a run already" } else { "is no folder" };
    let sentence = format!("{} {why}: this one is {}", asked.display(), taken.display());
    log::info!("burnscape: {sentence}");
    if config.study.show_progress {
        recorder.handle.counters().voice.alert(sentence, recorder.handle.has_dashboard());
    }
}
