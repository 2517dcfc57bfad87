//! The plan of a comparison: a TOML file, checked once.
use super::{Budget, StudyError};
use crate::objective::Method;
use crate::probe::{ProbeKind, Recipe, Settings};
use crate::represent::{level_grid, parse_levels};
use crate::train::{Config, ConfigError, Decay, Sources};
use serde::Deserialize;
use std::path::Path;

/// Checkpoints kept of a run that is measured at several budgets: all, in practice.
const KEEP: i64 = 10_000;
/// More seeds of a probe tell nothing more.
const MOST_PROBE_SEEDS: u64 = 100;

/// What a user writes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// Name of built-in data, or a path.
    pub data: String,
    /// Preset below all methods. Default: the one of the data.
    #[serde(default)]
    pub preset: Option<String>,
    /// Methods by name, each with its default settings.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Methods with settings of their own.
    #[serde(default)]
    pub variant: Vec<VariantFile>,
    /// Settings of all methods, `key=value`.
    #[serde(default)]
    pub set: Vec<String>,
    /// Seeds of training. Default: 0 and 1.
    #[serde(default = "two_seeds")]
    pub seeds: Vec<u64>,
    /// Images seen in training: one budget or several.
    #[serde(default)]
    pub images: Vec<u64>,
    /// Minutes of training, instead of images.
    #[serde(default)]
    pub minutes: Vec<f64>,
    /// Measure on a fifth of the training rows instead of the test split, which isn't read: to choose settings by.
    #[serde(default)]
    pub validate: bool,
    /// Levels of detail for methods whose code has them, as a list `"0,0.5,1"`. Default: six from 0 to 1.
    #[serde(default)]
    pub t: Option<String>,
    /// Probes. Default: linear and mlp.
    #[serde(default = "linear_and_mlp")]
    pub probes: Vec<String>,
    /// Labels a class, for few-label curves beside the scores with all labels.
    #[serde(default)]
    pub few_labels: Vec<usize>,
    /// `default` or `paper`.
    #[serde(default = "default_recipe")]
    pub recipe: String,
    /// Seeds of each probe. Default: 3.
    #[serde(default = "three")]
    pub probe_seeds: u64,
}

/// A method with a name and settings of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantFile {
    /// Its name in tables and figures.
    pub name: String,
    /// The method.
    pub method: String,
    /// Preset below its settings, instead of the one below all.
    #[serde(default)]
    pub preset: Option<String>,
    /// Its settings, `key=value`, over those of all methods.
    #[serde(default)]
    pub set: Vec<String>,
}

fn two_seeds() -> Vec<u64> {
    vec![0, 1]
}

fn linear_and_mlp() -> Vec<String> {
    ["linear", "mlp"].map(str::to_owned).to_vec()
}

fn default_recipe() -> String {
    "default".to_owned()
}

fn three() -> u64 {
    3
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Arm {
    /// Its name: of letters, digits, `-`, `_` and `.`, since folders are named by it.
    pub name: String,
    /// Settings of its runs for each budget of the plan, but for the seed: a preset may train larger networks for longer.
    configs: Vec<Config>,
}

impl Arm {
    /// Settings for the largest budget.
    pub fn config(&self) -> &Config {
        self.configs.last().expect("a plan has a budget")
    }
}

/// A comparison that has been checked.
#[derive(Clone, Debug)]
pub struct StudyPlan {
    /// The methods.
    pub arms: Vec<Arm>,
    /// Seeds of training.
    pub seeds: Vec<u64>,
    /// How long each is trained, ascending.
    pub budgets: Vec<Budget>,
    /// Whether the test split is measured on, once; otherwise a fifth of the training rows.
    pub test: bool,
    /// Levels of detail.
    pub t: Vec<f64>,
    /// Probes and their protocol.
    pub probes: Settings,
}

impl StudyPlan {
    /// The budget that the run which serves `budget` is planned for. One run passes all budgets, unless its learning
    /// rate falls within the time that it is given.
    pub fn planned(&self, arm: &Arm, budget: Budget) -> Budget {
        let largest = self.budgets.last().copied().unwrap_or(budget);
        match budget {
            Budget::Minutes(_) if arm.config().optimiser.decay != Decay::Constant => budget,
            _ => largest,
        }
    }

    /// Settings of the run with this seed that serves `budget`.
    pub fn config_of(&self, arm: &Arm, seed: u64, budget: Budget) -> Config {
        let planned = self.planned(arm, budget);
        let place = self.budgets.iter().position(|&budget| budget == planned);
        let config = place.map_or(arm.config(), |place| &arm.configs[place]);
        Config { seed, ..config.clone() }
    }

    /// Steps of that run, which has `total` of them, within `budget`: those that show at least so many images, or the
    /// budget's part of the time that the run is planned for.
    pub fn steps(&self, arm: &Arm, budget: Budget, total: u64) -> u64 {
        match budget {
            Budget::Images(images) => images.div_ceil(arm.config().train.batch as u64),
            Budget::Minutes(minutes) => {
                let part = minutes / self.planned(arm, budget).amount();
                ((total as f64 * part).round() as u64).max(1)
            }
        }
    }

    /// Reads and checks the plan in the file at `path`. A relative path of data is meant from the working folder.
    ///
    /// # Errors
    /// The file can't be read or holds an unknown key; a method, probe or setting that isn't one; nothing to compare.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        let text = std::fs::read_to_string(path)
            .map_err(|reason| StudyError::Unreadable { path: path.to_owned(), reason })?;
        let file: PlanFile = toml::from_str(&text).map_err(|error| {
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(0, |before| before.matches('\n').count() + 1);
            let message = error.message().replace('\n', " ");
            StudyError::Plan { path: path.to_owned(), problem: format!("line {line}: {message}") }
        })?;
        Self::check(file, path)
    }

    fn check(file: PlanFile, path: &Path) -> Result<Self, StudyError> {
        let problem = |problem: String| StudyError::Plan { path: path.to_owned(), problem };
        let budgets = budgets(&file).map_err(problem)?;
        let mut seeds = file.seeds.clone();
        seeds.sort_unstable();
        seeds.dedup();
        if seeds.is_empty() {
            return Err(problem("seeds: expected at least one".to_owned()));
        }
        if !(1..=MOST_PROBE_SEEDS).contains(&file.probe_seeds) {
            let given = file.probe_seeds;
            return Err(problem(format!("probe_seeds: {given}, expected 1 to {MOST_PROBE_SEEDS}")));
        }
        let plain = |method: &String| VariantFile {
            name: method.clone(),
            method: method.clone(),
            preset: None,
            set: Vec::new(),
        };
        let variants: Vec<VariantFile> =
            file.methods.iter().map(plain).chain(file.variant.iter().cloned()).collect();
        if variants.is_empty() {
            let names: Vec<&str> = Method::ALL.iter().map(|method| method.name()).collect();
            return Err(problem(format!("methods: expected at least one of {}", names.join(", "))));
        }
        let mut arms: Vec<Arm> = Vec::new();
        for variant in variants {
            let name = variant.name.clone();
            let usable = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if name.is_empty() || name.starts_with('.') || !name.chars().all(usable) {
                return Err(problem(format!("`{name}`: a name has letters, digits, `-`, `_` and `.` only")));
            }
            if arms.iter().any(|arm| arm.name == name) {
                return Err(problem(format!("`{name}` is there twice; name one of them in a [[variant]]")));
            }
            if let Some(key) = overruled(file.set.iter().chain(&variant.set), &budgets) {
                let why =
                    format!("set: `{key}` would change nothing, as the plan says it by keys of its own");
                return Err(problem(why));
            }
            let configs = budgets.iter().map(|&budget| resolve(&file, &variant, &budgets, budget));
            let configs = configs
                .collect::<Result<_, _>>()
                .map_err(|error| StudyError::Config { arm: name.clone(), error })?;
            let arm = Arm { name, configs };
            let (name, config) = (&arm.name, arm.config());
            if file.validate && config.objective.method.needs().labels {
                let method = config.objective.method.name();
                let why = format!(
                    "validate: {name} is {method}, which learns the labels of the rows to be measured on"
                );
                return Err(problem(why));
            }
            arms.push(arm);
        }
        let t = match &file.t {
            Some(list) => parse_levels(list).map_err(|error| problem(error.to_string()))?,
            None => level_grid(6).expect("six levels are allowed"),
        };
        let (mut probes, mut few_labels) = (Vec::new(), file.few_labels.clone());
        for name in &file.probes {
            let kind = name.parse().ok().filter(|kind| ProbeKind::SINGLE.contains(kind));
            probes
                .push(kind.ok_or_else(|| problem(format!("probes: `{name}`, expected linear, mlp or knn")))?);
        }
        if probes.is_empty() {
            return Err(problem("probes: expected at least one of linear, mlp, knn".to_owned()));
        }
        few_labels.sort_unstable();
        few_labels.dedup();
        let recipe = file.recipe.parse::<Recipe>().map_err(|error| problem(error.to_string()))?;
        let probe_seeds = (0..file.probe_seeds).collect();
        let probes = Settings { probes, recipe, seeds: probe_seeds, few_labels, cross_validate: false };
        Ok(Self { arms, seeds, budgets, test: !file.validate, t, probes })
    }
}

/// The first setting of `set` that a plan's own keys overrule.
fn overruled<'a>(mut set: impl Iterator<Item = &'a String>, budgets: &[Budget]) -> Option<&'a str> {
    const KEYS: [&str; 4] = ["seed", "train.steps", "data.source", "objective.method"];
    let minutes = matches!(budgets, [Budget::Minutes(_), ..]);
    set.find_map(|setting| {
        let key = setting.split('=').next().unwrap_or_default().trim();
        let by_budget = key == "train.minutes" && minutes || key == "checkpoint.keep" && budgets.len() > 1;
        (KEYS.contains(&key) || by_budget).then_some(key)
    })
}

/// The budgets of a plan, ascending.
fn budgets(file: &PlanFile) -> Result<Vec<Budget>, String> {
    let images = file.images.iter().map(|&images| Budget::Images(images));
    let minutes = file.minutes.iter().map(|&minutes| Budget::Minutes(minutes));
    let mut budgets: Vec<Budget> = images.chain(minutes).collect();
    let positive = |budget: &Budget| budget.amount() > 0.0 && budget.amount().is_finite();
    if budgets.is_empty() || !budgets.iter().all(positive) {
        return Err("images or minutes: expected at least one positive number".to_owned());
    }
    if !file.images.is_empty() && !file.minutes.is_empty() {
        return Err("images and minutes: expected one of them".to_owned());
    }
    budgets.sort_by(Budget::order);
    budgets.dedup();
    Ok(budgets)
}

/// Settings of a method for one budget of several.
fn resolve(
    file: &PlanFile,
    variant: &VariantFile,
    budgets: &[Budget],
    budget: Budget,
) -> Result<Config, ConfigError> {
    let mut sources = Sources {
        preset: variant.preset.clone().or_else(|| file.preset.clone()),
        set: file.set.iter().chain(&variant.set).cloned().collect(),
        ..Sources::default()
    };
    sources.flag("data.source", "data", Some(file.data.as_str()));
    sources.flag("objective.method", "method", Some(variant.method.as_str()));
    match (budget, budgets.last()) {
        (Budget::Minutes(minutes), _) => {
            sources.flag("train.steps", "minutes", Some(0));
            sources.minutes = Some(minutes);
        }
        (Budget::Images(_), Some(&Budget::Images(most))) => {
            let batch = Config::resolve(&sources)?.train.batch.max(1) as u64;
            // One run passes all budgets: learning rates that decay do so over the whole of the largest.
            sources.flag("train.steps", "images", Some(most.div_ceil(batch) as i64));
        }
        (Budget::Images(_), _) => {}
    }
    if budgets.len() > 1 {
        // Smaller budgets can be measured again by another protocol.
        sources.flag("checkpoint.keep", "budgets", Some(KEEP));
    }
    Config::resolve(&sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<StudyPlan, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        std::fs::write(&path, text).unwrap();
        let shown = format!("{}: ", path.display());
        StudyPlan::read(&path).map_err(|error| error.to_string().replace(&shown, ""))
    }

    #[test]
    fn budgets_become_steps_of_each_method_s_own_batch() {
        let text = "data = \"digits\"\nimages = [1000, 100, 1000]\nmethods = [\"drl\"]\n\
                    [[variant]]\nname = \"small-batches\"\nmethod = \"ae\"\npreset = \"shapes\"\n\
                    set = [\"train.batch=16\"]\n";
        let plan = plan(text).unwrap();
        assert_eq!(plan.budgets, [100, 1000].map(Budget::Images));
        assert_eq!(plan.seeds, [0, 1]);
        let steps: Vec<_> = plan.arms.iter().map(|arm| plan.steps(arm, Budget::Images(1000), 0)).collect();
        assert_eq!(steps, [16, 63]);
        assert_eq!(plan.arms[1].config().train.steps, 63);
        assert_ne!(plan.arms[1].config().encoder, plan.arms[0].config().encoder);
        assert_eq!(plan.arms[1].config().objective.method, Method::AE);
    }

    #[test]
    fn one_run_passes_all_times_unless_its_learning_rate_falls() {
        let text = "data = \"digits\"\nminutes = [1, 4]\nmethods = [\"drl\"]\n\
                    [[variant]]\nname = \"falling\"\nmethod = \"drl\"\nset = [\"optimiser.decay=cosine\"]\n";
        let plan = plan(text).unwrap();
        let [short, long] = [1.0, 4.0].map(Budget::Minutes);
        let [constant, falling] = &plan.arms[..] else { panic!("{plan:?}") };
        assert_eq!(plan.planned(constant, short), long);
        assert_eq!([short, long].map(|budget| plan.steps(constant, budget, 1000)), [250, 1000]);
        assert_eq!(plan.planned(falling, short), short);
        assert_eq!([short, long].map(|budget| plan.steps(falling, budget, 1000)), [1000, 1000]);
        assert_eq!(plan.config_of(falling, 3, short).train.minutes, Some(1.0));
    }

    #[test]
    fn slips_are_named_on_one_line() {
        let start = "data = \"digits\"\nimages = [64]\n";
        for (rest, told) in [
            ("", "methods: expected at least one of drl, vdrl, ae"),
            ("methods = [\"drl\", \"drl\"]", "`drl` is there twice"),
            (
                "methods = [\"dlr\"]",
                "dlr: method: `objective.method`: unknown value `dlr`; did you mean `drl`?",
            ),
            ("mehtods = [\"drl\"]", "line 3: unknown field `mehtods`"),
            ("methods = [\"drl\"]\nprobes = [\"svm\"]", "svm"),
            ("methods = [\"drl\"]\nt = \"2\"", "--t is `2`, expected numbers in [0, 1]"),
            ("methods = [\"drl\"]\nseeds = []", "seeds: expected at least one"),
            ("[[variant]]\nname = \"a/b\"\nmethod = \"ae\"", "`a/b`: a name has letters"),
        ] {
            let error = plan(&format!("{start}{rest}\n")).unwrap_err();
            assert!(error.contains(told) && !error.contains('\n'), "{error}");
        }
        for budget in ["", "images = [0]\n", "minutes = [nan]\n", "minutes = [-1]\n"] {
            let error = plan(&format!("data = \"digits\"\n{budget}methods = [\"ae\"]")).unwrap_err();
            assert!(error.contains("images or minutes: expected at least one positive"), "{error}");
        }
        let both = plan(&format!("{start}minutes = [1]\nmethods = [\"ae\"]")).unwrap_err();
        assert!(both.contains("images and minutes: expected one of them"), "{both}");
        let leak = plan(&format!("{start}validate = true\nmethods = [\"supervised\"]")).unwrap_err();
        assert!(leak.contains("learns the labels of the rows to be measured on"), "{leak}");
    }
}
