//! The encoder as an ONNX graph, with t built in.
//!
//! What t does is add a number to every channel after the first convolution of each block; for a given t this is part of
//! that convolution's bias, and nothing of the time embedding is left.
use super::graph::{Graph, Value, float, integer, integers};
use crate::nn::parameters::Layout;
use crate::nn::{BATCH_NORM_EPSILON, EncoderConfig};
use crate::represent::LoadedEncoder;

/// Features and code of the images at a level of detail.
#[derive(Clone)]
pub(super) struct Level {
    /// Pooled features `[N, 64k·pool²]`.
    pub features: Value,
    /// The embedding `[N, d]`.
    pub code: Value,
}

/// Weights by name, and what the graph's shape follows from.
pub(super) struct EncoderGraph<'a> {
    encoder: &'a LoadedEncoder,
    config: &'a EncoderConfig,
    layout: Layout,
    weights: Vec<f32>,
}

impl<'a> EncoderGraph<'a> {
    pub fn new(encoder: &'a LoadedEncoder) -> Self {
        let config = &encoder.record().model.encoder;
        Self { encoder, config, layout: encoder.layout(), weights: encoder.parameters() }
    }

    /// Adds the networks for images `x` `[N, C, H, W]` with pixels in [0, 1], at each of `levels`.
    pub fn add(&self, graph: &mut Graph, x: &Value, levels: &[f64]) -> Vec<Level> {
        let x = self.standardised(graph, x);
        let stem = self.convolution(graph, &x, "encoder.stem", None, 1);
        // A static encoder makes the same of every t.
        let seen = |t: f64| if self.encoder.is_time_conditioned() { t } else { 0.0 };
        let mut all: Vec<Level> = Vec::new();
        for (index, &t) in levels.iter().enumerate() {
            let before = levels[..index].iter().position(|&other| seen(other) == seen(t));
            let level = match before {
                Some(before) => all[before].clone(),
                None => self.level(graph, stem.clone(), seen(t)),
            };
            all.push(level);
        }
        all
    }

    /// Zero-pads and standardises, as [`crate::data::Preprocess::apply`] does.
    fn standardised(&self, graph: &mut Graph, x: &Value) -> Value {
        let (shape, preprocess) = (self.encoder.shape(), self.encoder.preprocess());
        let (rows, columns) = (preprocess.height - shape.height, preprocess.width - shape.width);
        let mut x = x.clone();
        if (rows, columns) != (0, 0) {
            let (top, left) = (rows / 2, columns / 2);
            let sides = [0, 0, top, left, 0, 0, rows - top, columns - left].map(|side| side as i64);
            let sides = graph.integers("padding", &sides);
            x = graph.node("Pad", &[&x, &sides], Vec::new());
        }
        let channels = [1, shape.channels, 1, 1];
        let mean = graph.constant("mean", &channels, &preprocess.mean);
        let std = graph.constant("std", &channels, &preprocess.std);
        let centred = graph.node("Sub", &[&x, &mean], Vec::new());
        graph.node("Div", &[&centred, &std], Vec::new())
    }

    fn level(&self, graph: &mut Graph, mut h: Value, t: f64) -> Level {
        let time = self.time(t);
        for stage in 0..3 {
            for block in 0..self.config.blocks_per_stage() {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                h = self.block(graph, &h, &format!("encoder.stages.{stage}.{block}"), (t, &time), stride);
            }
        }
        let h = self.normed(graph, &h, "encoder.norm");
        let features = self.pooled(graph, &h);
        let code = if self.config.has_head() { self.head(graph, &features) } else { features.clone() };
        Level { features, code }
    }

    /// The time embedding after SiLU.
    fn time(&self, t: f64) -> Vec<f32> {
        let times = self.encoder.model().embed_times(&[t], self.encoder.sde(), self.encoder.device());
        let values: Vec<f32> = times.encoder.into_data().iter::<f32>().collect();
        values.into_iter().map(|x| x / (1.0 + (-x).exp())).collect()
    }

    fn block(&self, graph: &mut Graph, x: &Value, name: &str, time: (f64, &[f32]), stride: i64) -> Value {
        let h = self.normed(graph, x, &format!("{name}.norm1"));
        let bias = self.bias(name, time.1);
        let h = self.convolution(graph, &h, &format!("{name}.conv1"), Some((time.0, bias)), 1);
        let h = self.normed(graph, &h, &format!("{name}.norm2"));
        let h = self.convolution(graph, &h, &format!("{name}.conv2"), None, stride);
        let shortcut = format!("{name}.shortcut");
        let x = match self.layout.find(&format!("{shortcut}.weight")) {
            Some(_) => self.convolution(graph, x, &shortcut, None, stride),
            None => x.clone(),
        };
        graph.node("Add", &[&h, &x], Vec::new())
    }

    /// The bias of a block's first convolution, and what the block's linear layer makes of the time.
    fn bias(&self, block: &str, time: &[f32]) -> Vec<f32> {
        let (weight, shift) =
            (self.values(&format!("{block}.time.weight")), self.values(&format!("{block}.time.bias")));
        let mut bias: Vec<f32> = self.values(&format!("{block}.conv1.bias")).to_vec();
        let outputs = bias.len();
        for (output, bias) in bias.iter_mut().enumerate() {
            let product: f32 = time.iter().enumerate().map(|(i, x)| x * weight[i * outputs + output]).sum();
            *bias += product + shift[output];
        }
        bias
    }

    /// A convolution with zero padding that keeps the side, but for the stride. `bias`: the t that it is for, and its values.
    fn convolution(
        &self,
        graph: &mut Graph,
        x: &Value,
        name: &str,
        bias: Option<(f64, Vec<f32>)>,
        stride: i64,
    ) -> Value {
        let weight = self.constant(graph, &format!("{name}.weight"));
        let bias = match bias {
            Some((t, values)) => graph.constant(&format!("{name}.bias.t{t}"), &[values.len()], &values),
            None => self.constant(graph, &format!("{name}.bias")),
        };
        let kernel = self.shape(&format!("{name}.weight"))[2] as i64;
        let attributes = vec![
            integers("kernel_shape", &[kernel, kernel]),
            integers("pads", &[kernel / 2; 4]),
            integers("strides", &[stride, stride]),
        ];
        graph.node("Conv", &[x, &weight, &bias], attributes)
    }

    /// Batch norm by the running statistics, then ReLU.
    fn normed(&self, graph: &mut Graph, x: &Value, name: &str) -> Value {
        let [gamma, beta, mean, variance] = ["gamma", "beta", "running_mean", "running_var"]
            .map(|part| self.constant(graph, &format!("{name}.{part}")));
        let epsilon = float("epsilon", BATCH_NORM_EPSILON as f32);
        let h = graph.node("BatchNormalization", &[x, &gamma, &beta, &mean, &variance], vec![epsilon]);
        graph.node("Relu", &[&h], Vec::new())
    }

    /// Means over cells, `[N, C, H, W]` to `[N, pool²·C]`: by a product on either side with the matrix that averages.
    fn pooled(&self, graph: &mut Graph, h: &Value) -> Value {
        let cells = self.config.pool;
        let preprocess = self.encoder.preprocess();
        // Two stages start with a stride of 2.
        let (rows, columns) = (preprocess.height.div_ceil(4), preprocess.width.div_ceil(4));
        let left = graph.constant("pool.rows", &[cells, rows], &averages(cells, rows));
        let right = averages(cells, columns);
        let right: Vec<f32> = (0..columns * cells).map(|i| right[i % cells * columns + i / cells]).collect();
        let right = graph.constant("pool.columns", &[columns, cells], &right);
        let h = graph.node("MatMul", &[h, &right], Vec::new());
        let h = graph.node("MatMul", &[&left, &h], Vec::new());
        // Cells row by row, the channels of each together.
        let h = graph.node("Transpose", &[&h], vec![integers("perm", &[0, 2, 3, 1])]);
        graph.node("Flatten", &[&h], vec![integer("axis", 1)])
    }

    /// The linear map to the latent, or to the mean of a probabilistic one.
    fn head(&self, graph: &mut Graph, features: &Value) -> Value {
        let (weight, bias) = (self.values("encoder.head.weight"), self.values("encoder.head.bias"));
        let (dim, outputs) = (self.config.latent_dim(), self.config.head_outputs());
        let weight: Vec<f32> = weight.chunks(outputs).flat_map(|row| row[..dim].to_vec()).collect();
        let inputs = weight.len() / dim;
        let weight = graph.constant("encoder.head.weight", &[inputs, dim], &weight);
        let bias = graph.constant("encoder.head.bias", &[dim], &bias[..dim]);
        graph.node("Gemm", &[features, &weight, &bias], Vec::new())
    }

    /// The network's own class logits `[N, classes]` of `features`.
    ///
    /// # Panics
    /// If it has no class head.
    pub fn class_logits(&self, graph: &mut Graph, features: &Value) -> Value {
        let [weight, bias] =
            ["weight", "bias"].map(|part| self.constant(graph, &format!("encoder.classifier.{part}")));
        graph.node("Gemm", &[features, &weight, &bias], Vec::new())
    }

    /// Codes `[N, d]` of all levels as `[N, T, d]`.
    pub fn stacked(graph: &mut Graph, levels: &[Level]) -> Value {
        let axis = graph.integers("axis.levels", &[1]);
        let codes: Vec<Value> =
            levels.iter().map(|level| graph.node("Unsqueeze", &[&level.code, &axis], Vec::new())).collect();
        graph.node("Concat", &codes.iter().collect::<Vec<_>>(), vec![integer("axis", 1)])
    }

    fn constant(&self, graph: &mut Graph, name: &str) -> Value {
        graph.constant(name, self.shape(name), self.values(name))
    }

    fn values(&self, name: &str) -> &[f32] {
        &self.weights[self.entry(name).range.clone()]
    }

    fn shape(&self, name: &str) -> &[usize] {
        &self.entry(name).shape
    }

    fn entry(&self, name: &str) -> &crate::nn::parameters::Entry {
        self.layout.find(name).expect("a parameter of every encoder of this configuration")
    }
}

/// The matrix `[cells, side]` that averages over neighbouring parts of a side, whose lengths differ by at most one.
fn averages(cells: usize, side: usize) -> Vec<f32> {
    let bound = |cell: usize| cell * side / cells;
    let mut matrix = vec![0.0; cells * side];
    for (cell, row) in matrix.chunks_mut(side).enumerate() {
        let part = bound(cell)..bound(cell + 1);
        let weight = 1.0 / part.len() as f32;
        row[part].fill(weight);
    }
    matrix
}
