//! What usually helps, in a sentence each, with its source.

/// Names of the rules, as the trace has them.
pub(super) const NON_FINITE_LOSS: &str = "non-finite-loss";
pub(super) const NON_FINITE_RATE: &str = "non-finite-rate";
pub(super) const NON_FINITE_GRADIENT: &str = "non-finite-gradient";
pub(super) const NON_FINITE_WEIGHT: &str = "non-finite-weight";
pub(super) const EXPLODING: &str = "exploding-gradient";
pub(super) const VANISHING: &str = "vanishing-gradient";
pub(super) const SPIKE: &str = "loss-spike";
pub(super) const PLATEAU: &str = "plateau";
pub(super) const RATIO: &str = "update-ratio";
pub(super) const DEAD: &str = "dead-units";
pub(super) const SATURATED: &str = "saturated-units";
pub(super) const EDGE: &str = "edge-of-stability";

/// What usually helps against a broken rule.
pub(super) fn advice(rule: &str) -> &'static str {
    match rule {
        NON_FINITE_LOSS | NON_FINITE_GRADIENT => {
            "Look at the batch of this step for NaN and at logarithms, roots and divisions near 0; if neither, \
             lower the learning rate or clip gradients (Goodfellow et al. 2016, Deep Learning, section 11.5)."
        }
        NON_FINITE_RATE => {
            "It comes from the schedule or the program, and the update with it has made every weight that it reached NaN or \
             infinite: look for a division by 0, such as by a warm-up of no steps, and go back to the snapshot before."
        }
        NON_FINITE_WEIGHT => {
            "An update wrote it since weights were measured last: go back to the last finite snapshot with a lower learning \
             rate or clipped \
             gradients (Pascanu et al. 2013, arXiv 1211.5063)."
        }
        EXPLODING => {
            "Lower the learning rate or warm it up (Goyal et al. 2017, arXiv 1706.02677); where updates follow the \
             gradient, as in gradient descent, clip it by norm (Pascanu et al. 2013, arXiv 1211.5063)."
        }
        VANISHING => {
            "Use activations that do not saturate, residual connections (He et al. 2016, arXiv 1512.03385) and an \
             initialisation that keeps variances (Glorot and Bengio 2010); a gradient of exactly 0 comes from \
             dead units, or from a parameter that the loss does not use."
        }
        SPIKE => {
            "Look at the batch of this step for wrong labels and outliers; if spikes return, lower the learning \
             rate or clip gradients (Chowdhery et al. 2022, arXiv 2204.02311, section 5.1, go back and skip the \
             batches)."
        }
        PLATEAU => {
            "Lower the learning rate by a factor of 2 to 10, or raise it if it never was higher (Bengio 2012, arXiv \
             1206.5533, section 3.3)."
        }
        RATIO => {
            "About 1e-3 is usual: raise or lower the learning rate of this block accordingly (A. Karpathy, CS231n, \
             Ratio of weights:updates)."
        }
        DEAD => {
            "Lower the learning rate, start biases at 0 or above, or use a leaky ReLU (Maas et al. 2013), whose \
             units recover."
        }
        EDGE => {
            "Nothing has to be done while the loss falls over many steps; if it jumps, lower the learning rate or warm it \
             up, which lets training find flatter places first (Cohen et al. 2021, arXiv 2103.00065; Gilmer et al. 2021, \
             arXiv 2110.04369)."
        }
        SATURATED => {
            "Start with smaller weights (Glorot and Bengio 2010), normalise the inputs, or put a normalisation \
             layer before the activation (Ioffe and Szegedy 2015, arXiv 1502.03167)."
        }
        _ => "",
    }
}
