//! What a probe owns while it is switched on, and lends to the study that measures its landscape.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use burn::data::dataloader::DataLoader;
use burnscape_trace::{RunFolder, Writer};

use crate::Result;
use crate::channel::handle::RecorderHandle;
use crate::channel::report::Report;
use crate::config::Config;
use crate::observe::hook::Hook;
use crate::recorder::Recorder;
use crate::recorder::earlier::Earlier;
use crate::study::active_recording::ActiveRecording;

/// A probe that is switched on.
pub(crate) struct Session {
    pub config: Config,
    pub hook: Arc<Hook>,
    pub handle: RecorderHandle,
    pub folder: RunFolder,
    recorder: Mutex<Option<Recorder>>,
    /// What the run came to, once it was closed.
    closed: Mutex<Option<Report>>,
    /// Loaders that the surface is to be measured on, by the type of their batches.
    kept: Mutex<Vec<Box<dyn Any + Send + Sync>>>,
}

impl Session {
    pub fn new(active: ActiveRecording) -> Self {
        let ActiveRecording { config, recorder, hook, .. } = active;
        Self {
            config,
            hook,
            handle: recorder.handle.clone(),
            folder: recorder.folder.clone(),
            recorder: Mutex::new(Some(recorder)),
            closed: Mutex::default(),
            kept: Mutex::default(),
        }
    }

    /// The recording, for as long as a study lasts; one that has ended is gone on with.
    ///
    /// # Errors
    ///
    /// If another study has it, or its file cannot be gone on with.
    pub fn lend(&self) -> Result<ActiveRecording> {
        let running = self.recorder().take();
        let is_reopened = running.is_none();
        let recorder = match running {
            Some(recorder) => recorder,
            None => self.reopen()?,
        };
        let (config, hook) = (self.config.clone(), self.hook.clone());
        Ok(ActiveRecording { config, recorder, hook, is_reopened })
    }

    fn reopen(&self) -> Result<Recorder> {
        let (writer, resumed) = Writer::resume(&self.folder)?;
        let (folder, earlier) = (self.folder.clone(), Earlier::from(resumed));
        Recorder::reopen(&self.config, folder, writer, earlier, self.hook.started)
    }

    /// Ends the run, unless it has ended.
    ///
    /// # Errors
    ///
    /// [`crate::Error::RecorderGone`] if the writer thread has died.
    pub fn close(&self) -> Result<Report> {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recorder) = self.recorder().take() {
            let (config, hook) = (self.config.clone(), self.hook.clone());
            let mut active = ActiveRecording { config, recorder, hook, is_reopened: false };
            *closed = Some(active.recorder.stop(active.end_reason())?);
        }
        Ok(closed.clone().unwrap_or_default())
    }

    /// Keeps a loader until training is over, in the place of one of its kind.
    pub fn keep<I: 'static>(&self, loader: Arc<dyn DataLoader<I>>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|it| !it.is::<Arc<dyn DataLoader<I>>>());
        kept.push(Box::new(loader));
    }

    /// Keeps a loader, unless one of its kind is kept.
    pub fn keep_too<I: 'static>(&self, loader: Arc<dyn DataLoader<I>>) {
        if self.kept::<I>().is_none() {
            self.keep(loader);
        }
    }

    /// The loader of batches of this type that was kept.
    pub fn kept<I: 'static>(&self) -> Option<Arc<dyn DataLoader<I>>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find_map(|it| it.downcast_ref().cloned())
    }

    fn recorder(&self) -> std::sync::MutexGuard<'_, Option<Recorder>> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
