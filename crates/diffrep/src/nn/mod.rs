//! Networks: WideResNet encoder, NCSN++ score network, latent decoder.
