//! The flat view of a module's parameters, and initial weights.
use super::objective::{tiny_batch, tiny_config};
use burn::tensor::Device;
use diffrep::nn::parameters::{self, Kind, Layout};
use diffrep::nn::{Mode, Model, ModelConfig, Pass};
use diffrep::objective::Method;
use diffrep::random::Seed;
use diffrep::sde::Sde;

const TRAIN: Pass = Pass { mode: Mode::Train, ..Pass::EVAL };

fn tiny(device: &Device, seed: u64) -> Model {
    tiny_config(Method::DRL).init(Seed(seed), device).unwrap()
}

#[test]
fn the_layout_covers_the_flat_vector_without_gaps() {
    let model = tiny(&Device::default(), 0);
    let layout = Layout::of(&model);
    let mut end = 0;
    for entry in layout.entries() {
        assert_eq!(entry.range.start, end, "{}", entry.name);
        assert_eq!(entry.range.len(), entry.shape.iter().product::<usize>(), "{}", entry.name);
        end = entry.range.end;
    }
    assert_eq!(end, layout.len());
    assert_eq!(end, parameters::gather(&model).len());
    let kind = |name: &str| layout.find(name).unwrap_or_else(|| panic!("no {name}")).kind;
    assert_eq!(kind("encoder.time_embedding.frequencies"), Kind::Frozen);
    assert_eq!(kind("encoder.stages.1.0.norm2.running_var"), Kind::Running);
    assert_eq!(kind("score.down.0.blocks.0.block.conv1.weight"), Kind::Trainable);
    assert_eq!(kind("decoder.middle.attention.query.weight"), Kind::Trainable);
}

#[test]
fn scattering_leaves_the_original_and_its_running_statistics_alone() {
    for device in [Device::default(), Device::default().autodiff()] {
        let model = tiny(&device, 0);
        let before = parameters::gather(&model);
        let zero = parameters::scatter(&model, &vec![0.0; before.len()]);
        assert_eq!(parameters::gather(&model), before);
        assert!(parameters::gather(&zero).iter().all(|v| *v == 0.0));
        let back = parameters::scatter(&zero, &before);
        assert_eq!(parameters::gather(&back), before);
    }
}

#[test]
fn a_scattered_model_trains_on() {
    let device = Device::default().autodiff();
    let model = tiny(&device, 0);
    let copy = parameters::scatter(&model, &parameters::gather(&model));
    let batch = tiny_batch(2, &device);
    for model in [&model, &copy] {
        let code = model.encode(batch.images.clone(), &[0.3, 0.6], &Sde::default(), TRAIN);
        let gradients = parameters::gather_gradients(model, &code.mean.square().sum().backward());
        for entry in Layout::of(model).entries() {
            let any = gradients[entry.range.clone()].iter().any(|g| *g != 0.0);
            // A bias before batch norm has no effect, so rounding decides whether its gradient is 0.
            let expected = entry.name.starts_with("encoder.") && entry.kind == Kind::Trainable;
            assert!(any == expected || entry.name.ends_with("bias"), "{}", entry.name);
        }
    }
}

#[test]
fn running_statistics_of_a_step_are_gathered_at_once() {
    let device = Device::default().autodiff();
    let model = tiny(&device, 0);
    let before = parameters::gather(&model);
    model.encode(tiny_batch(2, &device).images, &[0.3, 0.6], &Sde::default(), TRAIN);
    let after = parameters::gather(&model);
    for entry in Layout::of(&model).entries() {
        let changed = before[entry.range.clone()] != after[entry.range.clone()];
        assert_eq!(changed, entry.kind == Kind::Running, "{}", entry.name);
    }
}

#[test]
fn initial_weights_are_a_function_of_the_seed() {
    let device = Device::default();
    let gather = |seed| parameters::gather(&tiny(&device, seed));
    assert_eq!(gather(1), gather(1));
    assert_ne!(gather(1), gather(2));
}

#[test]
fn initial_weights_have_the_published_spread() {
    let config = ModelConfig { height: 32, width: 32, channels: 3, ..tiny_config(Method::DRL) };
    let model =
        ModelConfig { ncsnpp: Default::default(), ..config }.init(Seed(1), &Device::default()).unwrap();
    let layout = Layout::of(&model);
    let values = parameters::gather(&model);
    let largest = |name: &str| {
        let entry = layout.find(name).unwrap_or_else(|| panic!("no {name}"));
        values[entry.range.clone()].iter().fold(0f32, |max, v| max.max(v.abs()))
    };
    let near = |name: &str, bound: f32| {
        let found = largest(name);
        assert!(found <= bound && found > 0.97 * bound, "{name}: {found}, bound {bound}");
    };
    // PyTorch's default: 1/√fan_in.
    near("encoder.stages.2.0.conv1.weight", (1.0 / (32.0f32 * 9.0)).sqrt());
    near("conditioning.map3.weight", (1.0 / 128.0f32).sqrt());
    // √(3·scale/fan_average).
    near("encoder.stages.2.0.time.weight", (3.0 / 64.0f32).sqrt());
    near("score.down.1.blocks.1.block.conv1.weight", (3.0 / (32.0f32 * 9.0)).sqrt());
    near("score.down.1.blocks.1.attention.query.weight", (0.3 / 32.0f32).sqrt());
    near("score.output.weight", (6e-10 / (9.0 * (16.0 + 3.0f32))).sqrt());
    assert_eq!(largest("score.down.1.blocks.1.block.conv1.bias"), 0.0);
    assert!(largest("encoder.time_embedding.frequencies") > 16.0);
}
