//! Names that are told apart, by numbers behind those that are the same.

use std::collections::{HashMap, HashSet};

use burnscape_trace::Slice;

/// Gives every name once: the first that asks for it has it, further ones have a number behind it.
#[derive(Debug)]
pub struct Distinct {
    numbered: fn(&str, u32) -> String,
    beside: &'static str,
    taken: HashSet<String>,
    /// The number that the next name of the same words is tried with.
    next: HashMap<String, u32>,
}

impl Default for Distinct {
    /// Numbers as in `accuracy (2)`.
    fn default() -> Self {
        Self::numbered(|name, number| format!("{name} ({number})"))
    }
}

impl Distinct {
    /// Names with numbers of another form.
    #[must_use]
    pub fn numbered(numbered: fn(&str, u32) -> String) -> Self {
        Self { numbered, beside: "", taken: HashSet::new(), next: HashMap::new() }
    }

    /// With every name that is given, the one with this behind it is taken as well.
    #[must_use]
    pub fn with_beside(self, beside: &'static str) -> Self {
        Self { beside, ..self }
    }

    /// Names that nothing else may have.
    #[must_use]
    pub fn reserve<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.taken.extend(names.into_iter().map(str::to_owned));
        self
    }

    /// The name or, where it is taken, with the lowest free number from 2 on behind it.
    ///
    /// # Panics
    ///
    /// Where four thousand million names are the same.
    pub fn name(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        while !self.is_free(&name) {
            let number = self.next.entry(wanted.to_owned()).or_insert(2);
            name = (self.numbered)(wanted, *number);
            *number = number.checked_add(1).expect("one of so many names is free");
        }
        self.taken.insert(format!("{name}{}", self.beside));
        self.taken.insert(name.clone());
        name
    }

    fn is_free(&self, name: &str) -> bool {
        !self.taken.contains(name) && !self.taken.contains(&format!("{name}{}", self.beside))
    }
}

/// What the further layers of a slice are called, in their order: as recorded; `layer 2` where the second has no name;
/// with a number behind it, such as `accuracy (2)`, where an earlier one or the loss has the same name.
#[must_use]
pub fn layer_names(slice: &Slice) -> Vec<String> {
    let mut distinct = Distinct::default().reserve(["loss"]);
    let name = |(number, layer): (usize, &burnscape_trace::Layer)| match layer.name.trim() {
        "" => distinct.name(&format!("layer {number}")),
        _ => distinct.name(&layer.name),
    };
    (1..).zip(&slice.layers).map(name).collect()
}

#[cfg(test)]
mod tests {
    use burnscape_trace::{Layer, record};

    use super::*;

    #[test]
    fn layers_of_one_name_are_numbered_whatever_else_is_called_so() {
        let names = |names: &[&str]| {
            let layers = names.iter().map(|name| record!(Layer { name: (*name).into() }));
            layer_names(&record!(Slice { layers: layers.collect() }))
        };
        assert_eq!(names(&["a", "b", "a", "a"]), ["a", "b", "a (2)", "a (3)"]);
        assert_eq!(names(&["a", "a (2)", "a", "a (2)"]), ["a", "a (2)", "a (3)", "a (2) (2)"]);
        assert_eq!(
            names(&["loss", "", " ", "layer 2"]),
            ["loss (2)", "layer 2", "layer 3", "layer 2 (2)"]
        );
    }

    #[test]
    fn what_stands_beside_a_name_is_no_name_of_another() {
        let mut distinct = Distinct::numbered(|name, number| format!("{name}_{number}"))
            .with_beside("_stderr")
            .reserve(["x"]);
        let told = ["a", "a_stderr", "a", "x"].map(|name| distinct.name(name));
        assert_eq!(told, ["a", "a_stderr_2", "a_2", "x_2"]);
    }

    /// Their number squared would take hours.
    #[test]
    fn a_million_equal_names_take_no_longer_than_a_million_different_ones() {
        let mut distinct = Distinct::default();
        let names: HashSet<String> = (0..1_000_000).map(|_| distinct.name("a")).collect();
        assert_eq!(names.len(), 1_000_000);
    }
}
