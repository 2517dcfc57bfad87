//! Counted operations against counts made by hand, layer by layer.
use diffrep::nn::{EncoderConfig, ModelConfig, NcsnppConfig, Operations};

const K3: u64 = 9;

fn config(side: usize, channels: usize, ncsnpp: NcsnppConfig) -> ModelConfig {
    let encoder = EncoderConfig::default();
    ModelConfig {
        height: side,
        width: side,
        channels,
        encoder,
        ncsnpp,
        score_network: true,
        decoder: false,
        projection: None,
    }
}

#[test]
fn the_encoder_of_a_photograph_is_a_wide_resnet_28_2() {
    let stem = K3 * 3 * 16 * 32 * 32;
    // Stages of 32, 64 and 128 channels; the second convolution of a stage's first block halves the side.
    let rest_of_stage = 6 * K3 * 32 * 32 * 32 * 32;
    let first = K3 * 32 * 32 * (16 * 32 + 32 * 32) + 32 * 32 * 16 * 32 + rest_of_stage;
    let second = K3 * 32 * 64 * 32 * 32 + K3 * 64 * 64 * 16 * 16 + 32 * 64 * 16 * 16 + rest_of_stage;
    let third = K3 * 64 * 128 * 16 * 16 + K3 * 128 * 128 * 8 * 8 + 64 * 128 * 8 * 8 + rest_of_stage;
    let convolutions = stem + first + second + third;
    assert_eq!(convolutions, 242_663_424);
    // The time embedding, and its way into each of twelve blocks.
    let time = (32 * 64, 64 * 64 + 4 * 64 * (32 + 64 + 128));
    let counted = config(32, 3, NcsnppConfig::default()).operations().unwrap().encoder;
    assert_eq!(counted.forward, 2 * (convolutions + time.0 + time.1));
    // Pixels and Fourier features want no gradient.
    assert_eq!(counted.backward, 2 * counted.forward - 2 * (stem + time.0));
}

#[test]
fn a_score_network_of_one_level_is_counted_like_by_hand() {
    let ncsnpp = NcsnppConfig { features: 4, multipliers: vec![1], blocks: 1, ..NcsnppConfig::default() };
    let counted = config(8, 1, ncsnpp).operations().unwrap();
    // 4 channels on the way down; 12 in the middle, where the latent's 8 join; blocks of 16 and 8 on the way up.
    let input = K3 * 4;
    let down = K3 * 4 * 4 * 2;
    let middle = 2 * K3 * 12 * 12 * 2 + 4 * 12 * 12;
    let up = K3 * (16 * 4 + 4 * 4) + 16 * 4 + K3 * (8 * 4 + 4 * 4) + 8 * 4;
    let output = K3 * 4;
    // The joint embedding, 16 of the time and 16 of the latent, enters all five blocks.
    let embedding = 32 * (4 + 12 + 12 + 4 + 4);
    let attention = 2 * 64 * 64 * 12;
    let forward = 2 * (64 * (input + down + middle + up + output) + embedding + attention);
    assert_eq!(counted.score, Operations { forward, backward: 2 * forward - 2 * 64 * input });
    // Time: 8 Fourier features, 16, 16; latent of 128: 16; latent map: 32, 64, 64, 8·8·8.
    let (fourier, rest) = (8 * 16, 16 * 16 + 128 * 16 + 32 * 64 + 64 * 64 + 64 * 512);
    let forward = 2 * (fourier + rest);
    assert_eq!(counted.conditioning, Operations { forward, backward: 2 * forward - 2 * fourier });
    assert_eq!(counted.decoder, Operations::default());
}
