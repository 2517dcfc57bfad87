//! The words of the command line, for files that tell how they were made.
use std::path::Path;

/// The words of this command without those that say where its result goes.
pub fn of_command() -> Vec<String> {
    kept(words())
}

/// The words of this command without the run folder that it is about, and those that say where its result goes.
pub fn on_run(run: &Path) -> Vec<String> {
    let mut kept = of_command();
    without(run, &mut kept);
    kept
}

/// Takes the run folder away, which may bear the name of an option's value.
fn without(run: &Path, words: &mut Vec<String>) {
    let is_value = |at: usize| at > 0 && words[at - 1].starts_with("--") && !words[at - 1].contains('=');
    let named = |&at: &usize| Path::new(&words[at]) == run;
    let place = (0..words.len()).filter(named).find(|&at| !is_value(at));
    if let Some(at) = place.or_else(|| (0..words.len()).rev().find(named)) {
        words.remove(at);
    }
}

fn words() -> impl Iterator<Item = String> {
    std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned())
}

fn kept(words: impl Iterator<Item = String>) -> Vec<String> {
    let flags = ["--json", "-q", "--quiet"];
    without_options(words.filter(|word| !flags.contains(&word.as_str())), &["--out", "--figures"])
}

/// The words without these options and their values.
pub fn without_options<W: AsRef<str>>(mut words: impl Iterator<Item = W>, options: &[&str]) -> Vec<W> {
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        let (name, value) =
            word.as_ref().split_once('=').map_or((word.as_ref(), None), |(a, b)| (a, Some(b)));
        match (options.contains(&name), value) {
            (true, None) => drop(words.next()),
            (true, Some(_)) => {}
            (false, _) => kept.push(word),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{kept, without};
    use std::path::Path;

    #[test]
    fn a_command_is_kept_without_where_its_result_went() {
        let words = "--json semi --data a --out b --labels 4 -q --out=c".split(' ').map(str::to_owned);
        assert_eq!(kept(words), ["semi", "--data", "a", "--labels", "4"]);
        let words = "analyse run --figures f --seeds 1 --figures=g".split(' ').map(str::to_owned);
        assert_eq!(kept(words), ["analyse", "run", "--seeds", "1"]);
    }

    #[test]
    fn a_run_called_like_its_data_is_told_from_them() {
        let mut words: Vec<String> =
            "probe --data digits --grid digits".split(' ').map(str::to_owned).collect();
        without(Path::new("digits"), &mut words);
        assert_eq!(words.join(" "), "probe --data digits --grid");
    }
}
