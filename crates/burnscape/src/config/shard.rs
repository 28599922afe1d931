//! Which part of a surface this process measures: said in code, by a variable, or by the job array that it is of.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// `BURNSCAPE_SHARD=3/16` makes this process measure the third of sixteen shares of every slice.
///
/// `array` takes the share from the job array that the process belongs to (`SLURM_ARRAY_TASK_ID` with its minimum, maximum
/// and step, or `JOB_COMPLETION_INDEX`), `array/16` says of how many, which Kubernetes does not tell. See [`Shard`].
pub const SHARD_VARIABLE: &str = "BURNSCAPE_SHARD";

const EXPECTED: &str = "a share such as 3/16, counted from 1; `array` in a job array; `array/16` where that does not tell how \
                        many there are";

/// One of several shares of the nodes of all slices, each measured by a process of its own.
///
/// ```
/// use burnscape::Shard;
///
/// let shard: Shard = "3/16".parse()?;
/// assert_eq!((shard, shard.to_string()), (Shard::new(3, 16)?, "3/16".to_string()));
/// assert!("0/16".parse::<Shard>().is_err(), "counted from 1");
/// # Ok::<(), burnscape::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl Shard {
    /// The share with this number, counted from 1.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there is no such share.
    pub fn new(index: u32, count: u32) -> Result<Self> {
        let shard = Self { index, count };
        match (1..=count).contains(&index) {
            true => Ok(shard),
            false => Err(not(&shard.to_string())),
        }
    }

    /// What the variable [`BURNSCAPE_SHARD`](SHARD_VARIABLE) says; `None` where it is not set.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if it is no share, or `array` outside a job array.
    pub fn of_environment() -> Result<Option<Self>> {
        Self::read(&variable)
    }

    /// The share of this process in its job array, which has as many tasks as `count` says; `None`: as many as the array
    /// tells.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] outside a job array, or where it does not have so many tasks.
    pub fn of_job_array(count: Option<u32>) -> Result<Self> {
        Self::in_array(count, &variable)
    }

    /// Its number, counted from 1.
    pub fn index(self) -> u32 {
        self.index
    }

    /// Of how many.
    pub fn count(self) -> u32 {
        self.count
    }

    fn read(variable: &impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let Some(said) = variable(SHARD_VARIABLE) else { return Ok(None) };
        match said.split_once('/') {
            None if said == "array" => Self::in_array(None, variable).map(Some),
            Some(("array", count)) => {
                let count = count.trim().parse().map_err(|_| not(&said))?;
                Self::in_array(Some(count), variable).map(Some)
            }
            _ => said.parse().map(Some),
        }
    }

    fn in_array(count: Option<u32>, variable: &impl Fn(&str) -> Option<String>) -> Result<Self> {
        let number = |name: &str| variable(name)?.parse::<u32>().ok();
        if let Some(id) = number("SLURM_ARRAY_TASK_ID") {
            return Self::in_slurm(id, count, number);
        }
        let index = number("JOB_COMPLETION_INDEX").ok_or_else(|| not("array"))?;
        let count = count.ok_or_else(|| not("array"))?;
        Self::new(index.saturating_add(1), count)
    }

    /// Tasks of a list such as `--array=3,7` are no shares: their numbers do not follow each other by the step.
    fn in_slurm(id: u32, count: Option<u32>, number: impl Fn(&str) -> Option<u32>) -> Result<Self> {
        let told = |name: &str| number(&format!("SLURM_ARRAY_TASK_{name}"));
        let (first, last) = (told("MIN").unwrap_or(id), told("MAX").unwrap_or(id));
        let step = told("STEP").filter(|step| *step > 0).unwrap_or(1);
        let tasks = last.saturating_sub(first) / step + 1;
        let place = id.saturating_sub(first) / step;
        let is_whole = told("COUNT").unwrap_or(tasks) == tasks && count.unwrap_or(tasks) == tasks;
        match is_whole && first + place * step == id {
            true => Self::new(place + 1, tasks),
            false => Err(not(&format!("task {id} of the job array {first}-{last}:{step}"))),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(index, count)| {
            Some((index.trim().parse().ok()?, count.trim().parse().ok()?))
        });
        let (index, count) = numbers.ok_or_else(|| not(text))?;
        Self::new(index, count).map_err(|_| not(text))
    }
}

fn not(found: &str) -> Error {
    Error::Setting { setting: SHARD_VARIABLE, found: found.to_string(), expected: EXPECTED }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_string()).filter(|it| !it.is_empty())
}

/// Refuses what would be done once by every process instead of being shared out.
///
/// # Errors
///
/// [`Error::NotShared`] where the variable is set.
pub(crate) fn refuse_under_variable(what: &'static str) -> Result<()> {
    match variable(SHARD_VARIABLE) {
        None => Ok(()),
        Some(shard) => Err(Error::NotShared { what, shard }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Shard>, String> {
        let told = |name: &str| {
            let found = variables.iter().find(|(it, _)| *it == name);
            found.map(|(_, value)| (*value).to_string())
        };
        Shard::read(&told).map_err(|error| error.to_string())
    }

    fn slurm(
        id: &str,
        min: &str,
        max: &str,
        step: &str,
        said: &str,
    ) -> Result<Option<Shard>, String> {
        read(&[
            (SHARD_VARIABLE, said),
            ("SLURM_ARRAY_TASK_ID", id),
            ("SLURM_ARRAY_TASK_MIN", min),
            ("SLURM_ARRAY_TASK_MAX", max),
            ("SLURM_ARRAY_TASK_STEP", step),
        ])
    }

    fn shard(index: u32, count: u32) -> Result<Option<Shard>, String> {
        Ok(Some(Shard { index, count }))
    }

    #[test]
    fn a_job_array_counts_only_where_the_variable_asks_for_it() {
        let array = [("SLURM_ARRAY_TASK_ID", "3"), ("JOB_COMPLETION_INDEX", "3")];
        assert_eq!(read(&array), Ok(None));
        assert_eq!(read(&[(SHARD_VARIABLE, "2/4"), array[0]]), shard(2, 4));
    }

    #[test]
    fn tasks_of_an_array_are_counted_from_its_first_by_its_step() {
        assert_eq!(slurm("0", "0", "15", "1", "array"), shard(1, 16));
        assert_eq!(slurm("15", "0", "15", "1", "array"), shard(16, 16));
        assert_eq!(slurm("7", "1", "16", "1", "array/16"), shard(7, 16));
        assert_eq!(slurm("14", "2", "14", "4", "array"), shard(4, 4));
        // The last one need not be a task: 1, 4, 7, 10.
        assert_eq!(slurm("10", "1", "12", "3", "array"), shard(4, 4));
        // One task alone, of sixteen; a list with holes.
        assert!(slurm("7", "7", "7", "1", "array/16").is_err());
        assert!(slurm("5", "1", "12", "3", "array").is_err());
        let list = [
            (SHARD_VARIABLE, "array"),
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "3"),
            ("SLURM_ARRAY_TASK_MAX", "7"),
            ("SLURM_ARRAY_TASK_COUNT", "2"),
        ];
        assert!(read(&list).is_err_and(|it| it.contains("task 7 of the job array 3-7:1")));
    }

    #[test]
    fn kubernetes_counts_from_0_and_has_to_be_told_how_many() {
        let index = ("JOB_COMPLETION_INDEX", "3");
        assert_eq!(read(&[(SHARD_VARIABLE, "array/4"), index]), shard(4, 4));
        assert!(read(&[(SHARD_VARIABLE, "array"), index]).is_err());
        assert!(read(&[(SHARD_VARIABLE, "array/3"), index]).is_err());
    }

    #[test]
    fn what_is_no_share_is_refused_with_what_would_be_one() {
        for said in ["0/4", "5/4", "3", "a/b", "1/0", "-1/4", "array/x", "array"] {
            let refused = read(&[(SHARD_VARIABLE, said)]).expect_err(said);
            assert!(refused.contains("3/16") && refused.contains(SHARD_VARIABLE), "{refused}");
        }
    }
}
