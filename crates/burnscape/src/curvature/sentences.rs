//! What a curvature says, and what it does not, in sentences.

use burnscape_landscape::words::{number, unit};
use burnscape_trace::Curvature;

/// The sentences of a record.
pub(crate) fn sentences(record: &Curvature, converged: bool) -> Vec<String> {
    let parts = [
        largest(record, converged),
        smallest(record, converged),
        trace(record),
        stability(record),
        plane(record),
        Some(caution(record)),
    ];
    parts.into_iter().flatten().collect()
}

fn largest(record: &Curvature, converged: bool) -> Option<String> {
    let (value, error) = (record.largest.first()?, record.largest_error.first()?);
    let doubt = match converged {
        true => "",
        false => {
            ", an eigenvalue, perhaps not the largest: allow more products, or a larger tolerance"
        }
    };
    Some(format!(
        "The largest eigenvalue of the Hessian is {} ± {} over {} {}{doubt}.",
        number(*value),
        number(*error),
        record.samples,
        unit(&record.unit)
    ))
}

fn smallest(record: &Curvature, converged: bool) -> Option<String> {
    let (value, error) = (*record.smallest.first()?, *record.smallest_error.first()?);
    let meaning = match value {
        _ if !converged => ", an eigenvalue, perhaps not the smallest",
        value if value < -error => ", so this is no minimum: the loss falls along its eigenvector",
        value if value > error => ", so the loss rises in every direction",
        _ => ", which cannot be told from 0: some direction is flat",
    };
    Some(format!("The smallest is {} ± {}{meaning}.", number(value), number(error)))
}

fn trace(record: &Curvature) -> Option<String> {
    let value = record.trace?;
    if record.trace_probes == 0 {
        return Some(format!("Its trace is {}, with nothing left to chance.", number(value)));
    }
    let error = match record.trace_stderr {
        Some(error) => format!(" ± {}", number(error)),
        None => ", of unknown error since there is one probe".to_string(),
    };
    Some(format!("Its trace is {}{error} ({} probes).", number(value), record.trace_probes))
}

/// What a gauge has to add where it only followed an eigenvalue.
pub(crate) fn followed(is_covered: bool) -> Option<String> {
    (!is_covered).then(|| {
        "It was followed from where it was before: an eigenvalue, perhaps not the largest until all are searched again."
            .to_string()
    })
}

/// Nothing without a learning rate.
pub(crate) fn stability(record: &Curvature) -> Option<String> {
    let limit = record.stability_limit?;
    let top = *record.largest.first()?;
    let product = top * record.lr;
    if !product.is_finite() {
        return None;
    }
    let optimizer = match record.optimizer.as_str() {
        "" => "gradient descent (no optimizer was named)",
        named => named,
    };
    let verdict = match product / limit {
        share if share >= 1.1 => "beyond it: steps along this eigenvector overshoot and grow",
        share if share >= 0.9 => "on the edge of stability",
        _ => "below it: steps along this eigenvector shrink",
    };
    Some(format!(
        "λ·lr = {} where {optimizer} has its limit at {}, {verdict}.",
        number(product),
        number(limit)
    ))
}

fn plane(record: &Curvature) -> Option<String> {
    let value = |name: &str| record.measures.iter().find(|it| it.name == name).map(|it| it.value);
    let (along, across) = (value("plane-along")?, value("plane-across")?);
    Some(format!(
        "Along the trajectory the curvature is {}, across it in the plane of components {}.",
        number(along),
        number(across)
    ))
}

fn caution(record: &Curvature) -> String {
    let error = match record.product_error {
        error if error < 1e-12 => "0".to_string(),
        error => format!("{error:.1e}"),
    };
    format!(
        "Eigenvalues change when weights are rescaled so that the function stays: compare them between runs of one \
         network only. Products with the Hessian are {error} of their length off."
    )
}
