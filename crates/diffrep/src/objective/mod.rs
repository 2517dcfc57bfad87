//! What is minimised: denoising score matching, time sampling, weighting, regularisers, reconstruction.
