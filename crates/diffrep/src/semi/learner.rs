//! One step of stochastic gradient descent on a batch of mixed views.
use super::settings::{SemiSettings, TimeFed};
use super::start::is_head;
use super::step_data::StepData;
use crate::nn::parameters::{self, Entry, Kind, Layout};
use crate::nn::{Mode, Model, Pass};
use crate::objective::cross_entropy;
use crate::random::Seed;
use crate::sde::Sde;
use crate::train::StepFigures;
use burn::tensor::{Device, Tensor, TensorData};
use diffrep_kernels::{Team, adam};

/// The network with its momentum; both as flat buffers in the layout's order too.
pub(super) struct Learner {
    pub(super) device: Device,
    pub(super) model: Model,
    pub(super) layout: Layout,
    pub(super) weights: Vec<f32>,
    pub(super) momentum: Vec<f32>,
    sde: Sde,
    team: Team,
}

impl Learner {
    /// Starts from `weights`, in the order of `model`, which is on `device` with autodiff.
    pub fn new(model: &Model, weights: Vec<f32>, sde: Sde, device: &Device) -> Self {
        let momentum = vec![0.0; weights.len()];
        let layout = Layout::of(model);
        Self {
            device: device.clone(),
            model: parameters::scatter(model, &weights),
            layout,
            weights,
            momentum,
            sde,
            team: Team::new(),
        }
    }

    /// Takes up where another learner was.
    pub fn restore(&mut self, weights: Vec<f32>, momentum: Vec<f32>) {
        self.model = parameters::scatter(&self.model, &weights);
        (self.weights, self.momentum) = (weights, momentum);
    }

    /// Makes step `step` at `rate`; its loss is the mean over the views.
    ///
    /// # Errors
    /// A loss or a gradient that is not finite, by name; the weights are those before the step.
    pub fn step(
        &mut self,
        data: &StepData,
        settings: &SemiSettings,
        step: u64,
        rate: f64,
    ) -> Result<StepFigures, &'static str> {
        let device = self.device.clone().autodiff();
        let pass = Pass { mode: Mode::Train, seed: Seed(settings.seed), step: step as u32, ..Pass::EVAL };
        let targets = matrix(data.targets.clone(), data.classes, &device);
        let (loss, gradients) = self.team.run(|| {
            let losses = data.views.iter().map(|view| {
                let images = Tensor::<4>::from_data(TensorData::new(view.clone(), data.shape), &device);
                let logits = self.logits(images, settings.time, pass);
                // Mixed rows are soft labels; their entries sum to 1.
                cross_entropy(logits, targets.clone())
            });
            let sum = losses.reduce(|sum, loss| sum + loss).expect("a step has a view");
            let loss = sum.div_scalar(data.views.len() as f64);
            (
                f64::from(loss.clone().into_scalar::<f32>()),
                parameters::gather_gradients(&self.model, &loss.backward()),
            )
        });
        if !loss.is_finite() {
            return Err("loss");
        }
        let gradient_norm = adam::global_norm(&gradients);
        if !gradient_norm.is_finite() {
            return Err("gradient");
        }
        // The forward pass has moved the running statistics.
        self.weights = parameters::gather(&self.model);
        for entry in self.layout.entries().iter().filter(|entry| entry.kind == Kind::Trainable) {
            let range = entry.range.clone();
            let (weights, momentum) = (&mut self.weights[range.clone()], &mut self.momentum[range.clone()]);
            nesterov(weights, momentum, &gradients[range], settings, rate);
        }
        self.model = parameters::scatter(&self.model, &self.weights);
        let head: Vec<f32> = self.head().flat_map(|entry| gradients[entry.range.clone()].to_vec()).collect();
        Ok(StepFigures {
            loss,
            parts: vec![("classification", loss)],
            gradient_norm,
            gradient_norm_encoder: (gradient_norm.powi(2) - adam::global_norm(&head).powi(2)).max(0.0).sqrt(),
            gradient_norm_score: None,
        })
    }

    /// The class head's tensors.
    fn head(&self) -> impl Iterator<Item = &Entry> {
        self.layout.entries().iter().filter(|entry| is_head(&entry.name))
    }

    fn logits(&self, images: Tensor<4>, time: TimeFed, pass: Pass) -> Tensor<2> {
        let encoder = &self.model.encoder;
        let rows = images.dims()[0];
        let code = match time {
            TimeFed::Fixed(t) => self.model.encode(images, &vec![t; rows], &self.sde, pass),
            TimeFed::Learned => encoder.encode_at_learned_time(images, &self.sde, pass),
        };
        encoder.classify(code.features).expect("the network was built with a class head")
    }

    /// Pooled features `[N, 64k]` and logits `[N, classes]` of standardised `images`, in evaluation mode.
    pub fn evaluate(&self, images: Vec<f32>, shape: [usize; 4], time: TimeFed) -> (Vec<f32>, Vec<f32>) {
        // Without autodiff nothing is kept for a backward pass.
        let model = burn::module::Module::valid(&self.model);
        let device = &self.device;
        self.team.run(|| {
            let images = Tensor::<4>::from_data(TensorData::new(images, shape), device);
            let code = match time {
                TimeFed::Fixed(t) => model.encode(images, &vec![t; shape[0]], &self.sde, Pass::EVAL),
                TimeFed::Learned => model.encoder.encode_at_learned_time(images, &self.sde, Pass::EVAL),
            };
            let logits = model.encoder.classify(code.features.clone()).expect("as above");
            let values =
                |tensor: Tensor<2>| tensor.into_data().try_into_vec::<f32>().expect("features are f32");
            (values(code.features), values(logits))
        })
    }
}

/// PyTorch's SGD with Nesterov momentum and weight decay: `g += λw; b = μb + g; w −= η(g + μb)`.
fn nesterov(weights: &mut [f32], momentum: &mut [f32], gradient: &[f32], settings: &SemiSettings, rate: f64) {
    let (mu, decay, rate) = (settings.momentum as f32, settings.weight_decay as f32, rate as f32);
    for ((w, b), g) in weights.iter_mut().zip(momentum).zip(gradient) {
        let g = g + decay * *w;
        *b = mu * *b + g;
        *w -= rate * (g + mu * *b);
    }
}

fn matrix(values: Vec<f32>, width: usize, device: &Device) -> Tensor<2> {
    let rows = values.len() / width;
    Tensor::from_data(TensorData::new(values, [rows, width]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_by_hand() {
        let settings = SemiSettings { momentum: 0.5, weight_decay: 0.1, ..SemiSettings::default() };
        let (mut w, mut b) = ([1.0f32], [0.0f32]);
        // g = 2 + 0.1 = 2.1; b = 2.1; w = 1 − 0.1 (2.1 + 1.05) = 0.685.
        nesterov(&mut w, &mut b, &[2.0], &settings, 0.1);
        assert!((w[0] - 0.685).abs() < 1e-6 && (b[0] - 2.1).abs() < 1e-6);
        // g = 0 + 0.0685; b = 1.05 + 0.0685 = 1.1185; w = 0.685 − 0.1 (0.0685 + 0.55925).
        nesterov(&mut w, &mut b, &[0.0], &settings, 0.1);
        assert!((w[0] - 0.622_225).abs() < 1e-6, "{w:?}");
    }
}
