//! The names of the published code for the parameters of a [`Model`].
//!
//! There, score network and decoder are flat lists `all_modules.N` in the order of execution, which is also the order
//! in which ours are visited; so a module's number is its rank among the modules seen so far.
use crate::nn::Model;
use crate::nn::parameters::Layout;
use std::ops::Range;

/// How one parameter is called, and where it lies in our flat vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Our name.
    pub ours: String,
    /// The published name.
    pub theirs: String,
    /// Our shape.
    pub shape: Vec<usize>,
    /// Our place in the flat vector.
    pub range: Range<usize>,
    /// Whether theirs is the transpose: linear layers, `[out, in]` there.
    pub transposed: bool,
}

/// Mappings of all parameters of `model`, in layout order. The encoder's names have the prefix `encoder.` if the model
/// holds more than the encoder, as in the published code.
pub fn mappings(model: &Model) -> Vec<Mapping> {
    let encoder_prefix = if model.conditioning.is_some() { "encoder." } else { "" };
    // The time embedding is modules 0 to 2 of the score network.
    let mut score = Modules::new("all_modules", 3);
    let mut decoder = Modules::new("decoder.all_modules", 0);
    let layout = Layout::of(model);
    let entries = layout.entries().iter();
    entries
        .map(|entry| {
            let (part, rest) = entry.name.split_once('.').unwrap_or(("", &entry.name));
            let theirs = match part {
                "encoder" => format!("{encoder_prefix}{}", encoder(rest)),
                "conditioning" => conditioning(rest),
                "score" => score.name(rest),
                _ => decoder.name(rest),
            };
            let transposed = entry.shape.len() == 2 && !theirs.ends_with(".W");
            let (ours, shape, range) = (entry.name.clone(), entry.shape.clone(), entry.range.clone());
            Mapping { ours, theirs, shape, range, transposed }
        })
        .collect()
}

fn encoder(path: &str) -> String {
    let parts: Vec<&str> = path.split('.').collect();
    match parts[..] {
        ["time_embedding", ref rest @ ..] => format!("time_embedding.{}", time_embedding(rest)),
        ["stem", leaf] => format!("conv1.{leaf}"),
        ["norm", leaf] => format!("bn1.{}", norm_leaf(leaf)),
        ["head", leaf] => format!("linear_latent.{leaf}"),
        ["classifier", leaf] => format!("linear.{leaf}"),
        ["stages", stage, block, layer, leaf] => {
            let number = stage.parse::<usize>().map_or(0, |stage| stage + 1);
            let layer = match layer {
                "norm1" => "bn1",
                "norm2" => "bn2",
                "time" => "Dense_0",
                "shortcut" => "shortcut.0",
                other => other,
            };
            format!("layer{number}.{block}.{layer}.{}", norm_leaf(leaf))
        }
        _ => unreachable!("the encoder has no parameter {path}"),
    }
}

fn conditioning(path: &str) -> String {
    let parts: Vec<&str> = path.split('.').collect();
    match parts[..] {
        ["time_embedding", ref rest @ ..] => time_embedding(rest),
        ["latent", leaf] => format!("latent_to_temb.{leaf}"),
        ["map1", leaf] => format!("z_dec_1.{leaf}"),
        ["map2", leaf] => format!("z_dec_2.{leaf}"),
        ["map3", leaf] => format!("z_dec_3.{leaf}"),
        _ => unreachable!("the conditioning has no parameter {path}"),
    }
}

fn time_embedding(parts: &[&str]) -> String {
    match *parts {
        ["frequencies"] => "all_modules.0.W".to_owned(),
        ["hidden", leaf] => format!("all_modules.1.{leaf}"),
        ["output", leaf] => format!("all_modules.2.{leaf}"),
        ["learned_time"] => "param_t".to_owned(),
        _ => unreachable!("time embeddings have no parameter {}", parts.join(".")),
    }
}

/// Numbers modules in the order in which they are met.
struct Modules {
    list: &'static str,
    next: usize,
    current: String,
}

impl Modules {
    fn new(list: &'static str, first: usize) -> Self {
        Self { list, next: first, current: String::new() }
    }

    fn name(&mut self, path: &str) -> String {
        let parts: Vec<&str> = path.split('.').collect();
        let (module, rest) = match parts[..] {
            // A layer of the network itself.
            [layer, leaf] => (layer.to_owned(), norm_leaf(leaf).to_owned()),
            // The pyramid's convolution is a module of its own, inside a wrapper.
            [.., "pyramid", leaf] => (parts[..parts.len() - 1].join("."), format!("Conv_0.{leaf}")),
            [.., layer, leaf] => (parts[..parts.len() - 2].join("."), block_layer(layer, leaf)),
            _ => unreachable!("score network and decoder have no parameter {path}"),
        };
        if module != self.current {
            self.current = module;
            self.next += 1;
        }
        format!("{}.{}.{rest}", self.list, self.next - 1)
    }
}

/// A layer of a residual or attention block.
fn block_layer(layer: &str, leaf: &str) -> String {
    let (name, leaf) = match layer {
        "norm" | "norm1" => ("GroupNorm_0", norm_leaf(leaf)),
        "norm2" => ("GroupNorm_1", norm_leaf(leaf)),
        "conv1" => ("Conv_0", leaf),
        "conv2" => ("Conv_1", leaf),
        "shortcut" => ("Conv_2", leaf),
        "embedding" => ("Dense_0", leaf),
        "query" => ("NIN_0", projection_leaf(leaf)),
        "key" => ("NIN_1", projection_leaf(leaf)),
        "value" => ("NIN_2", projection_leaf(leaf)),
        "projection" => ("NIN_3", projection_leaf(leaf)),
        _ => unreachable!("blocks have no layer {layer}"),
    };
    format!("{name}.{leaf}")
}

fn norm_leaf(leaf: &str) -> &str {
    match leaf {
        "gamma" => "weight",
        "beta" => "bias",
        other => other,
    }
}

fn projection_leaf(leaf: &str) -> &str {
    if leaf == "weight" { "W" } else { "b" }
}
