//! Options that take one of a few words: parsed by the type they stand for, listed in help and completions.

use std::fmt::Display;
use std::num::NonZeroU64;
use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// A number of things of which a part is kept.
pub(crate) fn one_or_more(word: &str) -> Result<NonZeroU64, String> {
    word.parse().map_err(|_| "needs 1 or more".to_owned())
}

/// A word and what it means.
pub(crate) type Word = (&'static str, &'static str);

const NUMBERS: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// A parser of the words, each of which the type understands.
pub(crate) fn words<T>(words: &'static [Word]) -> impl TypedValueParser<Value = T>
where
    T: FromStr + Clone + Send + Sync + 'static,
    T::Err: Display,
{
    parsed(words.iter().map(|&(word, meaning)| PossibleValue::new(word).help(meaning)))
}

/// The same for words that may be replaced by their position, counted from 1.
pub(crate) fn numbered_words<T>(words: &'static [Word]) -> impl TypedValueParser<Value = T>
where
    T: FromStr + Clone + Send + Sync + 'static,
    T::Err: Display,
{
    parsed(NUMBERS.iter().zip(words).map(|(&number, &(word, meaning))| {
        PossibleValue::new(word).alias(number).help(format!("or {number}: {meaning}"))
    }))
}

fn parsed<T>(values: impl Iterator<Item = PossibleValue>) -> impl TypedValueParser<Value = T>
where
    T: FromStr + Clone + Send + Sync + 'static,
    T::Err: Display,
{
    let parser = PossibleValuesParser::new(values.collect::<Vec<_>>());
    parser.try_map(|word| word.parse().map_err(|error: T::Err| error.to_string()))
}
