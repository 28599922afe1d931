//! How a training ended: what happened, rather than what was asked for.

use burn::train::Interrupter;

/// How far a training came, and what ended it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Epochs planned; 0: unknown.
    pub planned: u64,
    /// The last complete epoch, as burn counts; `None`: burn told of none.
    pub complete: Option<u64>,
    /// Early stopping ended it after this epoch.
    pub stopped_early_after: Option<u64>,
    /// It was asked to stop, with the reason that was given.
    pub interrupted: Option<Option<String>>,
    /// It hit an error.
    pub error: Option<String>,
}

impl Ending {
    /// Takes in what an interrupter says at the end of training.
    pub fn ask(&mut self, interrupter: &Interrupter) {
        if let Some(interruption) = interrupter.interruption() {
            self.interrupted = Some(interruption.reason);
        }
        if let Some(error) = interrupter.error() {
            self.error = Some(error.to_string());
        }
    }

    /// The reason as the trace tells it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self { error: Some(_), .. } => "failed",
            _ if self.is_complete() => "finished",
            Self { stopped_early_after: Some(_), .. } => "early-stopping",
            Self { interrupted: Some(_), .. } => "interrupted",
            // Nobody interrupted burn before its last epoch: a strategy of its own is all that is left.
            Self { complete: Some(_), .. } => "early-stopping",
            _ => "finished",
        }
    }

    /// Where it ended and why, unless it was as planned.
    pub fn sentence(&self) -> Option<String> {
        let planned = self.planned;
        let after = match self.complete.or(self.stopped_early_after) {
            Some(epoch) => format!("after {epoch} of {planned} epochs"),
            None => format!("in the first of {planned} epochs"),
        };
        match self.reason() {
            "failed" => Some(format!(
                "training hit an error {after}: {}",
                self.error.as_deref().unwrap_or_default()
            )),
            "early-stopping" => Some(format!("early stopping ended training {after}")),
            "interrupted" => {
                let reason = self.interrupted.clone().flatten();
                let reason = reason.map_or(String::new(), |it| format!(": {it}"));
                Some(format!("training was interrupted {after}{reason}"))
            }
            _ => None,
        }
    }

    fn is_complete(&self) -> bool {
        self.complete.is_some_and(|epoch| epoch >= self.planned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(complete: Option<u64>) -> Ending {
        Ending { planned: 5, complete, ..Ending::default() }
    }

    fn interrupted(complete: Option<u64>) -> Ending {
        let interrupter = Interrupter::new();
        interrupter.stop(Some("the test asks"));
        let mut ending = ended(complete);
        ending.ask(&interrupter);
        ending
    }

    #[test]
    fn the_end_is_what_happened() {
        assert_eq!(ended(Some(5)).reason(), "finished");
        assert_eq!(ended(Some(3)).reason(), "early-stopping");
        assert_eq!(ended(None).reason(), "finished", "a strategy that tells of no epochs");
        assert_eq!(interrupted(Some(2)).reason(), "interrupted");
        assert_eq!(interrupted(None).reason(), "interrupted");
        assert_eq!(interrupted(Some(5)).reason(), "finished", "asked for, but all epochs came");
        let both = Ending { stopped_early_after: Some(3), ..interrupted(Some(3)) };
        assert_eq!(both.reason(), "early-stopping");
        let in_the_last = Ending { stopped_early_after: Some(5), ..ended(Some(5)) };
        assert_eq!(in_the_last.reason(), "finished");
        let error = Ending { error: Some("no file".to_owned()), ..ended(Some(5)) };
        assert_eq!(error.reason(), "failed");
    }

    #[test]
    fn it_says_where_and_why() {
        let sentence = |ending: Ending| ending.sentence().unwrap_or_default();
        assert_eq!(
            sentence(interrupted(Some(2))),
            "training was interrupted after 2 of 5 epochs: the test asks"
        );
        assert_eq!(
            sentence(interrupted(None)),
            "training was interrupted in the first of 5 epochs: the test asks"
        );
        assert_eq!(sentence(ended(Some(3))), "early stopping ended training after 3 of 5 epochs");
        assert_eq!(sentence(ended(Some(5))), "");
        let error = Ending { error: Some("no file".to_owned()), ..ended(Some(1)) };
        assert_eq!(sentence(error), "training hit an error after 1 of 5 epochs: no file");
    }
}
