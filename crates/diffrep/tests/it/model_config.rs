//! Configurations of networks: sizes that work, and the errors of those that don't.
use burn::tensor::{Device, Tensor, TensorData};
use diffrep::nn::{EncoderConfig, ModelConfig, NcsnppConfig, Pass, Precision};
use diffrep::random::Seed;
use diffrep::sde::Sde;

fn config(side: usize, channels: usize, multipliers: &[usize]) -> ModelConfig {
    ModelConfig {
        height: side,
        width: side,
        channels,
        encoder: EncoderConfig { depth: 10, width: 1, ..EncoderConfig::default() },
        ncsnpp: NcsnppConfig {
            features: 8,
            multipliers: multipliers.to_vec(),
            blocks: 1,
            ..NcsnppConfig::default()
        },
        score_network: true,
        decoder: true,
        projection: None,
    }
}

fn runs(config: &ModelConfig) {
    let device = Device::default();
    let model = config.init(Seed(0), &device).unwrap();
    let shape = [1, config.height, config.width, config.channels];
    let images = Tensor::<4>::ones(shape, &device);
    let code = model.encode(images.clone(), &[0.5], &Sde::default(), Pass::EVAL);
    assert_eq!(code.mean.dims(), [1, config.encoder.latent_dim()]);
    let time = model.embed_times(&[0.5], &Sde::default(), &device).conditioning.unwrap();
    let condition = model.conditioning.as_ref().unwrap().join(time, code.mean, Precision::F32);
    assert_eq!(model.score.as_ref().unwrap().forward(images, &condition, Pass::EVAL).dims(), shape);
    assert_eq!(model.decoder.as_ref().unwrap().forward(&condition, Pass::EVAL).dims(), shape);
}

#[test]
fn digits_of_8_pixels_run_through_four_levels() {
    runs(&config(8, 1, &[1, 2, 2, 2]));
}

#[test]
fn images_of_84_pixels_run_through_three_levels() {
    runs(&config(84, 3, &[1, 2, 2]));
}

#[test]
fn images_need_not_be_square() {
    runs(&ModelConfig { width: 32, ..config(16, 3, &[1, 2, 2]) });
}

#[test]
fn the_last_level_may_have_any_number_of_channels() {
    runs(&config(8, 1, &[1, 3]));
    runs(&config(8, 1, &[1]));
}

#[test]
fn a_static_encoder_ignores_time_and_another_does_not() {
    let device = Device::default();
    let images = Tensor::<4>::ones([2, 8, 8, 1], &device);
    for time_conditioned in [false, true] {
        let mut config = config(8, 1, &[1, 2]);
        config.encoder.time_conditioned = time_conditioned;
        let model = config.init(Seed(0), &device).unwrap();
        let code = model.encode(images.clone(), &[0.2, 0.9], &Sde::default(), Pass::EVAL);
        let [first, second] = [0, 1].map(|row| code.mean.clone().narrow(0, row, 1).into_data());
        assert_eq!(first != second, time_conditioned);
    }
}

#[test]
fn a_deterministic_code_without_a_head_is_not_negative() {
    let model = config(8, 1, &[1, 2]).init(Seed(0), &Device::default()).unwrap();
    let images = super::objective::tiny_batch(4, &Device::default()).images;
    let code = model.encode(images, &[0.5; 4], &Sde::default(), Pass::EVAL);
    assert!(code.mean.min().into_scalar::<f32>() >= 0.0);
}

/// What is made wrong, and the message.
type Case<'a> = (&'a dyn Fn(&mut ModelConfig), &'a str);

#[test]
fn every_wrong_value_is_named_with_its_range() {
    let base = config(32, 3, &[1, 2, 2, 2]);
    let message = |change: &dyn Fn(&mut ModelConfig)| {
        let mut config = base.clone();
        change(&mut config);
        config.check().unwrap_err().to_string()
    };
    let cases: [Case; 18] = [
        (&|c| c.encoder.depth = 11, "encoder.depth is 11, expected 6n + 4"),
        (&|c| c.encoder.depth = 4, "encoder.depth is 4, expected 6n + 4"),
        (&|c| c.encoder.width = 0, "encoder.width is 0, expected 1 to 64"),
        (&|c| c.encoder.latent = Some(0), "encoder.latent is 0, expected 1 to 4,096"),
        (&|c| c.channels = 0, "channels is 0, expected 1 to 4,096"),
        (&|c| c.height = 28, "images of 28×32 can't be halved 3 times"),
        (&|c| c.width = 84, "pad to a multiple of 8 or use fewer levels"),
        (&|c| c.ncsnpp.features = 6, "ncsnpp.features is 6, expected a multiple of 4"),
        (&|c| c.ncsnpp.features = 44, "ncsnpp.features is 44, expected a multiple of 4 that makes"),
        (&|c| c.ncsnpp.multipliers = vec![], "ncsnpp.multipliers is [], expected one number a level"),
        (&|c| c.ncsnpp.multipliers = vec![1, 0], "ncsnpp.multipliers is [1, 0], expected numbers from 1"),
        (
            &|c| (c.ncsnpp.features, c.ncsnpp.multipliers) = (128, vec![64, 64]),
            "ncsnpp.multipliers is [64, 64], expected at most 4096",
        ),
        (
            &|c| (c.height, c.ncsnpp.multipliers) = (4096, vec![1]),
            "expected more levels: at a bottleneck of 4096×32",
        ),
        (&|c| c.ncsnpp.latent_features = Some(0), "ncsnpp.latent_features is 0, expected 1 to 4,096"),
        (&|c| c.ncsnpp.blocks = 0, "ncsnpp.blocks is 0, expected 1 to 64"),
        (&|c| c.ncsnpp.dropout = 1.0, "ncsnpp.dropout is 1.0, expected a rate in [0, 1)"),
        (&|c| (c.encoder.depth, c.encoder.width) = (1000, 64), "weights, expected at most 1073741824"),
        (
            &|c| (c.encoder.width, c.encoder.pool, c.projection) = (64, 8, Some(128)),
            "weights, expected at most 1073741824",
        ),
    ];
    for (change, expected) in cases {
        let message = message(change);
        assert!(message.contains(expected), "`{expected}` is not in: {message}");
    }
    base.check().unwrap();
}

#[test]
fn an_encoder_alone_takes_any_side() {
    let alone =
        ModelConfig { height: 7, width: 5, score_network: false, decoder: false, ..config(8, 1, &[1, 2]) };
    let model = alone.init(Seed(0), &Device::default()).unwrap();
    let images = Tensor::<4>::ones([1, 7, 5, 1], &Device::default());
    assert_eq!(model.encode(images, &[0.0], &Sde::default(), Pass::EVAL).mean.dims(), [1, 64]);
}

#[test]
fn cells_of_the_last_feature_map_are_averaged_each_on_its_own() {
    let of = |pool| {
        let encoder = EncoderConfig { pool, ..config(8, 1, &[1, 2]).encoder };
        ModelConfig {
            height: 24,
            width: 16,
            encoder,
            score_network: false,
            decoder: false,
            ..config(8, 1, &[1, 2])
        }
    };
    let images = Tensor::<1>::from_data(
        TensorData::new((0..768).map(|i| (i as f32 * 0.37).sin()).collect::<Vec<_>>(), [768]),
        &Device::default(),
    )
    .reshape([2, 24, 16, 1]);
    let code = |pool| {
        let model = of(pool).init(Seed(0), &Device::default()).unwrap();
        model.encode(images.clone(), &[0.0, 0.0], &Sde::default(), Pass::EVAL).mean
    };
    // The mean over the cells is the mean over the map, for cells of one row and column too.
    let whole = code(1);
    assert_eq!(code(2).dims(), [2, 256]);
    let cells = code(2).reshape([2, 4, 64]).mean_dim(1).reshape([2, 64]);
    let distance = (cells - whole.clone()).abs().max().into_scalar::<f32>();
    let spread = (code(2).slice([0..2, 0..64]) - whole).abs().max().into_scalar::<f32>();
    assert!(distance < 1e-6 && spread > 1e-3, "{distance} {spread}");
    // Six rows in four cells: of one, two, one and two rows.
    let cells = code(4).reshape([2, 4, 4, 64]);
    let weights = Tensor::<1>::from_floats([1.0, 2.0, 1.0, 2.0], &Device::default()).div_scalar(6.0);
    let mean = (cells.mean_dim(2) * weights.reshape([1, 4, 1, 1])).sum_dim(1).reshape([2, 64]);
    let distance = (mean - code(1)).abs().max().into_scalar::<f32>();
    assert!(distance < 1e-6, "{distance}");
    let message = of(5).check().unwrap_err().to_string();
    assert!(message.contains("encoder.pool is 5, expected at most the shorter side"), "{message}");
    assert!(of(0).check().unwrap_err().to_string().contains("1 to 16"));
}

#[test]
fn configurations_survive_toml_and_refuse_unknown_keys() {
    let full = ModelConfig {
        encoder: EncoderConfig { latent: Some(2), ..Default::default() },
        ..config(32, 3, &[1, 2])
    };
    let text = toml::to_string(&full).unwrap();
    assert_eq!(toml::from_str::<ModelConfig>(&text).unwrap(), full);
    let error = toml::from_str::<ModelConfig>(&text.replace("depth", "depht")).unwrap_err().to_string();
    assert!(error.contains("unknown field `depht`"), "{error}");
}
