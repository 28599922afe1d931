//! What is measured where there is not time for everything: on how many batches, and how many nodes.
//!
//! With less and less time, in this order: every node on all batches; every node on fewer batches; nodes that
//! interpolation does not give, on fewer and fewer batches; fewer of them than that would take; a coarse grid; the centre.
//! More time never gives less of anything.

/// What an evaluation costs, and what there is to be evaluated.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Costs {
    /// Seconds that there are for all of it.
    pub secs: f64,
    /// Seconds that an evaluation takes however many batches it has.
    pub fixed_secs: f64,
    /// Seconds that each batch of it takes.
    pub batch_secs: f64,
    /// All batches.
    pub batches: usize,
    /// As many as are needed before nodes are left out.
    pub fair_batches: usize,
    /// As many as are needed at all.
    pub least_batches: usize,
    /// Nodes of each plane.
    pub nodes: Vec<usize>,
    /// Nodes of a plane that adaptive evaluation begins with.
    pub first_nodes: usize,
    /// Evaluations that the path of training takes on top.
    pub path: usize,
    /// Planes that a random one is compared with.
    pub agreement: Comparison,
    /// Share of the range of losses that interpolation is allowed to be off by.
    pub tolerance: f64,
    /// Adaptive evaluation was asked for, however much time there is.
    pub is_adaptive: bool,
}

/// Further planes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Comparison {
    /// How many.
    pub planes: usize,
    /// Nodes of each.
    pub nodes: usize,
    /// Nodes of each where time is short.
    pub few_nodes: usize,
    /// Seconds that it takes to draw the directions of one.
    pub secs: f64,
}

/// What is going to be measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Batches of every evaluation.
    pub batches: usize,
    /// Nodes that interpolation gives to this share of the range of losses are left out; `None`: none for that reason.
    pub tolerance: Option<f64>,
    /// Nodes of each plane at most; `None`: as many as it takes.
    pub most_nodes: Option<usize>,
    /// Whether the losses on the path of training are measured.
    pub path: bool,
    /// Further planes.
    pub agreement: usize,
    /// Nodes of each of these.
    pub agreement_nodes: usize,
}

/// Nodes of a plane that adaptive evaluation finds enough: smooth planes of 49 × 49 nodes took 69 on the average, residual
/// networks up to 114.
const ENOUGH: usize = 150;

/// So that what fits exactly is not left out by a rounding error.
const ROUNDING: f64 = 1e-9;

impl Costs {
    /// What there is time for.
    #[must_use]
    pub fn choose(&self) -> Choice {
        let batches = self.batches_for(self.all_evaluations(), self.agreement.planes);
        if batches >= self.fair_batches as f64 {
            return self.every_node(at_most(batches, self.batches));
        }
        let enough = self.enough();
        let batches = self.batches_for(self.bought(enough), self.agreement.planes);
        if batches < self.least_batches as f64 {
            return self.shop(self.least_batches);
        }
        if batches < self.fair_batches as f64 {
            let batches = at_most(batches, self.fair_batches);
            return self.some_nodes(batches, enough, true, self.agreement.planes);
        }
        self.shop(self.fair_batches)
    }

    /// Seconds of one evaluation.
    #[must_use]
    pub fn evaluation_secs(&self, batches: usize) -> f64 {
        self.fixed_secs + self.batch_secs * batches as f64
    }

    /// Seconds that a choice takes at most.
    #[must_use]
    pub fn secs_of(&self, choice: &Choice) -> f64 {
        let most = choice.most_nodes.unwrap_or(usize::MAX);
        let nodes = self.nodes.iter().map(|&nodes| nodes.min(most)).sum::<usize>();
        let path = if choice.path { self.path } else { 0 };
        let evaluations = nodes + path + choice.agreement * choice.agreement_nodes;
        let drawing = choice.agreement as f64 * self.agreement.secs;
        drawing + evaluations as f64 * self.evaluation_secs(choice.batches)
    }

    /// Every node on all batches.
    #[must_use]
    pub fn everything(&self) -> Choice {
        self.every_node(self.batches)
    }

    fn every_node(&self, batches: usize) -> Choice {
        let Comparison { planes: agreement, nodes: agreement_nodes, .. } = self.agreement;
        let tolerance = self.is_adaptive.then_some(self.tolerance);
        Choice { batches, tolerance, most_nodes: None, path: true, agreement, agreement_nodes }
    }

    fn all_nodes(&self) -> usize {
        self.nodes.iter().sum()
    }

    fn all_evaluations(&self) -> usize {
        self.all_nodes() + self.path + self.agreement.planes * self.agreement.nodes
    }

    /// Evaluations for so many nodes, the path and the further planes.
    fn bought(&self, nodes: usize) -> usize {
        nodes + self.path + self.agreement.planes * self.agreement.few_nodes
    }

    /// Nodes of all planes together that are enough, and no fewer than any extra costs.
    fn enough(&self) -> usize {
        let nodes: usize = self.nodes.iter().map(|&nodes| nodes.min(ENOUGH)).sum();
        let dearest = self.path.max(self.agreement.planes * self.agreement.few_nodes);
        nodes.max(dearest).min(self.all_nodes())
    }

    /// On how many batches so many evaluations fit, beside the drawing of further planes.
    fn batches_for(&self, evaluations: usize, planes: usize) -> f64 {
        let secs = self.secs - planes as f64 * self.agreement.secs;
        let each = secs / evaluations as f64 - self.fixed_secs;
        // An evaluation that takes no time at all fits as long as there is any.
        if each > 0.0 { each / self.batch_secs } else { 0.0 }
    }

    /// Buys nodes and extras as long as there is time. An extra is bought once the planes have as many nodes as it
    /// takes: small ones first, and nothing that was bought with less time is given back with more.
    fn shop(&self, batches: usize) -> Choice {
        let each = self.evaluation_secs(batches);
        let all = self.secs / each * (1.0 + ROUNDING);
        let first: usize = self.nodes.iter().map(|&nodes| nodes.min(self.first_nodes)).sum();
        let (mut spent, mut bought) = (0.0, Vec::new());
        for (extra, evaluations) in self.extras() {
            let drawing = match extra {
                Extra::Path => 0.0,
                Extra::Planes => self.agreement.planes as f64 * self.agreement.secs / each,
            };
            let nodes = first.max(evaluations).min(self.all_nodes());
            let price = evaluations as f64 + drawing;
            if nodes as f64 + spent + price > all {
                return self.with(batches, at_most(all - spent, nodes), &bought);
            }
            spent += price;
            bought.push(extra);
        }
        self.with(batches, at_most(all - spent, self.all_nodes()), &bought)
    }

    /// With the evaluations that each takes, the smaller one first.
    fn extras(&self) -> [(Extra, usize); 2] {
        let planes = self.agreement.planes * self.agreement.few_nodes;
        let mut extras = [(Extra::Path, self.path), (Extra::Planes, planes)];
        extras.sort_by_key(|(_, evaluations)| *evaluations);
        extras
    }

    fn with(&self, batches: usize, nodes: usize, bought: &[Extra]) -> Choice {
        let planes = if bought.contains(&Extra::Planes) { self.agreement.planes } else { 0 };
        self.some_nodes(batches, nodes, bought.contains(&Extra::Path), planes)
    }

    /// So many nodes, shared evenly by the planes.
    fn some_nodes(&self, batches: usize, nodes: usize, path: bool, agreement: usize) -> Choice {
        let share = nodes / self.nodes.len().max(1);
        let largest = self.nodes.iter().copied().max().unwrap_or(0);
        let tolerance = (share >= self.first_nodes.min(largest)).then_some(self.tolerance);
        let most_nodes = (share < largest).then_some(share.max(1));
        let agreement_nodes = self.agreement.few_nodes;
        Choice { batches, tolerance, most_nodes, path, agreement, agreement_nodes }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extra {
    Path,
    Planes,
}

/// A whole number from 0 to `most`; NaN is 0.
fn at_most(number: f64, most: usize) -> usize {
    (number as usize).min(most)
}

/// `count` places among `of`, as even as they can be; all of them if there are no more.
///
/// # Examples
///
/// ```
/// use burnscape_landscape::budget::evenly;
///
/// assert_eq!(evenly(3, 9), [1, 4, 7]);
/// assert_eq!(evenly(5, 4), [0, 1, 2, 3]);
/// ```
#[must_use]
pub fn evenly(count: usize, of: usize) -> Vec<usize> {
    let count = count.min(of);
    (0..count).map(|number| (2 * number + 1) * of / (2 * count)).collect()
}
