//! The loss along the updates that led into an alert: was the step too long, or the direction bad?

use burnscape_landscape::surface::Surface;
use burnscape_landscape::words::number;
use burnscape_trace::{Blackbox, F64s, Record, Study};

use super::compare::{concluded, study_of};
use super::open_study::AnyStudy;
use super::slice_spec::{Direction, SliceSpec};
use crate::landscape::slice_surface::SliceSurface;
use crate::model::point::{Point, Weights, WeightsOf};
use crate::model::snapshot::SnapshotFile;
use crate::model::tensors::NamedTensor;
use crate::{Error, Result};

/// How far a line reaches, in updates: back to where the update before it began, and as far again beyond.
const REACH: std::ops::RangeInclusive<f64> = -1.0..=2.0;

impl AnyStudy<'_> {
    /// One line for every update around an alert whose weights the black box kept, both ends finite.
    pub(super) fn offending_updates(&mut self) -> Result<Vec<SliceSurface>> {
        let mut slices = Vec::new();
        for found in self.black_boxes()? {
            let step = found.step;
            let previous = self.boxed(&found.previous, step)?;
            let before = self.boxed(&found.before, step)?;
            let after = self.boxed(&found.after, step)?;
            let lines = [
                (format!("update before step {step}"), previous, before.clone()),
                (format!("update of step {step}"), before, after),
            ];
            for (name, from, to) in lines {
                slices.extend(self.along_update(&found, name, from, to)?);
            }
        }
        Ok(slices)
    }

    /// Those that have weights.
    fn black_boxes(&self) -> Result<Vec<Blackbox>> {
        self.active.recorder.sync()?;
        let trace = burnscape_trace::read_run(self.active.recorder.folder.path())?;
        let boxes = trace.records.into_iter().filter_map(|record| match record {
            Record::Blackbox(found) if found.before.is_some() => Some(found),
            _ => None,
        });
        Ok(boxes.collect())
    }

    fn boxed(&self, file: &Option<String>, step: u64) -> Result<Option<Weights>> {
        let Some(file) = file else { return Ok(None) };
        let path = self.active.recorder.folder.resolve(file)?;
        let tensors = SnapshotFile::open(&path, &self.studied.map)?.tensors(&self.studied.map)?;
        let label = format!("{} step {step}", file_stem(file));
        let is_finite = self.studied.map.flatten(&tensors).iter().all(|value| value.is_finite());
        Ok(is_finite.then(|| weights(label, tensors)))
    }

    /// The line from the weights before an update (0) to those after it (1), and what it says.
    fn along_update(
        &mut self,
        found: &Blackbox,
        name: String,
        from: Option<Weights>,
        to: Option<Weights>,
    ) -> Result<Option<SliceSurface>> {
        let (Some(from), Some(to)) = (from, to) else {
            let text =
                format!("`{name}` was not drawn: weights of it are NaN, infinite or not kept");
            self.note("info", text);
            return Ok(None);
        };
        let spec = SliceSpec::line(Direction::To(Point::Weights(to)))
            .centre(Point::Weights(from))
            .range(REACH)
            .name(&name);
        let plan = match self.plan_with(&spec, false) {
            Err(Error::ZeroDirection { .. }) => return Ok(None),
            plan => plan?,
        };
        let mut study = study_of("offending-update", Vec::new());
        study.measures = [("step".to_string(), F64s(vec![found.step as f64]))].into();
        let (study, mut slices) = self.measure_study(study, vec![plan])?;
        slices.iter().for_each(|slice| self.results.keep(slice));
        let study = said(study, &slices, &found.rule);
        self.tell(study);
        Ok(slices.pop())
    }

    /// What a line says that was measured in part before.
    pub(super) fn offending_concluded(
        &self,
        study: Study,
        slices: &[SliceSurface],
    ) -> Result<Study> {
        let step = study.measures.get("step").and_then(|steps| steps.first().copied());
        let boxes = self.black_boxes()?;
        let found = boxes.iter().find(|found| Some(found.step as f64) == step);
        let rule = found.map_or("", |found| found.rule.as_str());
        Ok(said(study, slices, rule))
    }
}

/// The study of a line with what it says.
fn said(study: Study, slices: &[SliceSurface], rule: &str) -> Study {
    let mut study = concluded(study, slices);
    let line = slices.first().filter(|line| line.surface.is_complete());
    let at = line.and_then(|line| Some((line, lowest_at(&line.surface)?)));
    let values = F64s(at.iter().map(|(_, at)| *at).collect());
    study.measures.insert("lowest_at".to_string(), values);
    study.sentences =
        at.map(|(line, at)| verdict(&line.slice.name, rule, at)).into_iter().collect();
    study
}

fn weights(label: String, tensors: Vec<NamedTensor>) -> Weights {
    Weights(WeightsOf { label, tensors }.into())
}

fn file_stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".safetensors").unwrap_or(name)
}

/// Where the loss is lowest, in updates.
fn lowest_at(surface: &Surface) -> Option<f64> {
    surface.lowest().map(|lowest| surface.grid().coordinates(lowest.node).0)
}

/// What the place of the lowest loss says of an update that ended in an alert.
fn verdict(update: &str, rule: &str, lowest_at: f64) -> String {
    let at = number(lowest_at);
    let what = match lowest_at {
        at if at <= 0.0 => {
            "along it the loss rises from the start: the direction was bad, not its length"
        }
        at if at < 1.0 => {
            "along it the loss first falls: the direction was good, the step too long"
        }
        _ => "along it the loss still falls at its end: the step was not too long",
    };
    format!("{update} (alert `{rule}`): the loss is lowest at {at} of the update; {what}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_tells_a_long_step_from_a_bad_direction() {
        assert!(verdict("u", "r", 0.25).contains("too long"));
        assert!(verdict("u", "r", -0.5).contains("direction was bad"));
        assert!(verdict("u", "r", 0.0).contains("direction was bad"));
        assert!(verdict("u", "r", 1.0).contains("not too long"));
    }
}
