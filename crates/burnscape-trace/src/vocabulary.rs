//! The words that fields of records hold: an enum for each field, open for the words of newer writers.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The one table of words: what each is called here, and how it is written in the trace.
macro_rules! vocabulary {
    ($($(#[$doc:meta])* $name:ident {
        $($(#[$word_doc:meta])* $variant:ident = $word:literal,)*
    })*) => {$(
        $(#[$doc])*
        ///
        /// It can be compared with text, printed as text, and passed where a `&str` is wanted.
        #[derive(Clone)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$word_doc])* $variant,)*
            /// A word that this version does not know, kept as it was written; empty: not told. `from` never gives it
            /// for a word that is known.
            Other(String),
        }

        impl $name {
            /// The word as it is written in the trace.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    _ => Self::Other(word.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($word => Self::$variant,)*
                    _ => Self::Other(word),
                }
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                match word {
                    $name::Other(word) => word,
                    known => known.as_str().to_owned(),
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::Other(String::new())
            }
        }

        /// So that what took the text of such a field takes the field.
        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                self.as_str()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }

        impl PartialEq<String> for $name {
            fn eq(&self, other: &String) -> bool {
                self.as_str() == other
            }
        }

        impl PartialEq<$name> for str {
            fn eq(&self, other: &$name) -> bool {
                self == other.as_str()
            }
        }

        impl PartialEq<$name> for &str {
            fn eq(&self, other: &$name) -> bool {
                *self == other.as_str()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), out)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    )*
        #[cfg(test)]
        mod tests {
            use super::*;

            #[test]
            fn every_word_is_written_read_compared_and_printed_as_it_stands_in_the_table() {
                $($(
                    let (word, known) = ($word, $name::$variant);
                    assert!(!matches!($name::from(word), $name::Other(_)), "{word}");
                    assert_eq!((known.as_str(), known.to_string().as_str()), (word, word));
                    assert!(known == *word && known == word && word == known && &*known == word);
                    let written = serde_json::to_string(&known).unwrap();
                    assert_eq!(written, serde_json::to_string(word).unwrap());
                    assert_eq!(serde_json::from_str::<$name>(&written).unwrap(), known);
                )*)*
            }

            #[test]
            fn a_word_of_a_newer_writer_is_kept() {
                $(
                    let newer = $name::from("Ünheard-of \u{7f}");
                    assert!(matches!(&newer, $name::Other(word) if word == "Ünheard-of \u{7f}"));
                    assert_eq!(String::from(newer), "Ünheard-of \u{7f}");
                    assert!($name::default().is_empty());
                )*
            }
        }
    };
}

vocabulary! {
    /// What the parameters of a block are for.
    BlockRole {
        /// They multiply what comes in.
        Weight = "weight",
        /// They are added.
        Bias = "bias",
        /// Scale and shift of a normalisation.
        Norm = "norm",
    }

    /// What batches count by in the mean losses of an epoch; empty: batches, as in the first traces.
    LossWeights {
        /// The samples in each.
        Samples = "samples",
        /// The tokens in each.
        Tokens = "tokens",
        /// The positions in each, padding included.
        Positions = "positions",
        /// The entries of each loss tensor.
        Entries = "entries",
        /// All the same, as in burn's own metric of a loss that is a mean already.
        Batches = "batches",
    }

    /// The data that something was measured on, or what is done with it.
    Split {
        /// Training.
        Train = "train",
        /// Validation.
        Valid = "valid",
        /// No data: the program told the value itself.
        Own = "own",
        /// The fixed batches of a slice that is being evaluated.
        Surface = "surface",
        /// Means over the step records that thinning left out.
        Thinned = "thinned",
    }

    /// Whose values a histogram counts.
    HistogramOf {
        /// The gradient of a block.
        Gradient = "gradient",
        /// The weights of a block.
        Weight = "weight",
        /// What passed a tap.
        Activation = "activation",
    }

    /// The rule that an alert says is broken.
    AlertRule {
        /// The loss is NaN or infinite.
        NonFiniteLoss = "non-finite-loss",
        /// The learning rate is.
        NonFiniteRate = "non-finite-rate",
        /// An entry of a gradient is.
        NonFiniteGradient = "non-finite-gradient",
        /// A weight is.
        NonFiniteWeight = "non-finite-weight",
        /// A gradient is far above what it was.
        ExplodingGradient = "exploding-gradient",
        /// A gradient is far below what it was.
        VanishingGradient = "vanishing-gradient",
        /// The loss is far above what it was.
        LossSpike = "loss-spike",
        /// The loss no longer falls.
        Plateau = "plateau",
        /// Updates are very large or very small beside the weights.
        UpdateRatio = "update-ratio",
        /// Units of a tap are 0 for every sample.
        DeadUnits = "dead-units",
        /// Values of a tap are at the bounds of a sigmoid or tanh.
        SaturatedUnits = "saturated-units",
        /// The sharpness has reached the limit of stability for the learning rate.
        EdgeOfStability = "edge-of-stability",
    }

    /// How bad it is.
    Severity {
        /// Good to know.
        Info = "info",
        /// Worth a look.
        Warning = "warning",
        /// Training cannot go on in a sensible way.
        Error = "error",
    }

    /// Why curvature was measured.
    CurvatureReason {
        /// On a schedule, while training went on.
        Live = "live",
        /// Asked for around a model.
        Study = "study",
    }

    /// What a number of samples counts, where it is not samples; empty: samples.
    SampleUnit {
        /// Tokens.
        Tokens = "tokens",
        /// Positions, padding included, so that a mean may not be exact.
        Positions = "positions",
        /// Batches: each counts once, whatever its size.
        Batches = "batches",
    }

    /// Why a snapshot was taken.
    SnapshotReason {
        /// It is the model before training.
        Initial = "initial",
        /// Recording goes on in a run that had stopped.
        Resume = "resume",
        /// An epoch is complete.
        Epoch = "epoch",
        /// So many steps were taken.
        Step = "step",
        /// It is the model that training returned.
        Final = "final",
    }

    /// How a direction was made.
    AxisKind {
        /// Drawn.
        Random = "random",
        /// A principal component of the snapshots.
        Pca = "pca",
        /// The difference of two points.
        Points = "points",
        /// An update of the optimizer.
        Update = "update",
        /// The gradient.
        Gradient = "gradient",
        /// An eigenvector of the Hessian.
        Hessian = "hessian",
        /// Given by the program.
        Given = "given",
    }

    /// To what random directions are scaled.
    Normalisation {
        /// The norm of each filter (Li et al. 2018).
        Filter = "filter",
        /// The norm of each block.
        Layer = "layer",
        /// The size of each weight.
        Weight = "weight",
        /// Nothing: they stay as they were drawn.
        None = "none",
    }

    /// What biases and norm parameters do along the directions of a slice.
    BiasMode {
        /// They stay.
        Ignored = "ignored",
        /// They move along themselves.
        Kept = "kept",
        /// Each is normalised as one filter.
        Filter = "filter",
        /// No direction is random: they move as everything else does.
        Moved = "moved",
        /// One direction is random, along the other they move.
        Mixed = "mixed",
    }

    /// What BatchNorm normalises with at the nodes of a slice.
    BatchNormMode {
        /// The statistics of the centre.
        Centre = "centre",
        /// Statistics that are computed anew at each node.
        Recalibrate = "recalibrate",
        /// On the line between two models, the statistics of both, mixed as their weights are.
        Interpolated = "interpolated",
        /// The model has no buffers.
        None = "none",
    }

    /// What the loss of a slice is.
    LossSource {
        /// The model's own.
        Output = "output",
        /// A function of the program's.
        Closure = "closure",
    }

    /// What the slices of a study have to do with each other.
    StudyKind {
        /// The same random directions around two models.
        InitialAndTrained = "initial-and-trained",
        /// The same surface for several seeds, to see whether the first slice is typical.
        Agreement = "agreement",
        /// One plane at several ranges.
        ScaleSweep = "scale-sweep",
        /// The line along an update that led into an alert.
        OffendingUpdate = "offending-update",
        /// One plane for the paths of several runs.
        JointPlane = "joint-plane",
        /// The plane through three models.
        ThroughThree = "through-three",
        /// The line between two models.
        Barrier = "barrier",
        /// The same slice of several runs, whatever their models.
        SideBySide = "side-by-side",
        /// The plane of a bent path of low loss between two models.
        BentPath = "bent-path",
    }

    /// Why recording ended.
    EndReason {
        /// Training came to its end.
        Finished = "finished",
        /// It ended before its last epoch because it no longer improved.
        EarlyStopping = "early-stopping",
        /// Somebody or something stopped it.
        Interrupted = "interrupted",
        /// Training or `finish` hit an error.
        Failed = "failed",
        /// The probe was dropped without `finish`.
        Dropped = "dropped",
        /// The probe was dropped by a panic.
        Panicked = "panicked",
        /// What can be read of a damaged run was written into a new one.
        Recovered = "recovered",
    }
}
