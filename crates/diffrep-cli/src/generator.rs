//! Arguments shared by the commands that generate images, and what they write.
use crate::images::refuse_among_images;
use crate::ui::Ui;
use anyhow::{Context, Result, bail, ensure};
use diffrep::data::{ImageSet, ImageShape};
use diffrep::files::PartFile;
use diffrep::random::Seed;
use diffrep::report::figure::{Figure, Thumbnail, picture};
use diffrep::represent::LoadedEncoder;
use diffrep::sample::{Algorithm, Corrector, CorrectorKind, HEUN_STEPS, Predictor, Prior, Sampler};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};

/// Steps of predictors, unless told otherwise.
const PREDICTOR_STEPS: usize = 500;
const TOLERANCE: f64 = 1e-4;
/// Pictures on a sheet; the folder has all.
const SHEET_CELLS: usize = 4000;
const LEAST_COLUMNS: usize = 8;
const SNR: f64 = 0.16;

/// Rows of so many pictures that a sheet has room for; one at least. Narrow sheets are as wide as their titles.
pub fn sheet_rows(columns: usize) -> usize {
    (SHEET_CELLS / columns.max(LEAST_COLUMNS)).max(1)
}

/// How noise becomes images.
#[derive(clap::Args)]
pub struct SamplerArgs {
    /// Sampler: heun (deterministic, second order, fast), ode (deterministic, adaptive step), or a predictor, which draws
    /// fresh noise at every step (but for the last of them): euler-maruyama, reverse-diffusion, ancestral,
    /// probability-flow. Default: heun.
    #[arg(long, value_name = "NAME", default_value = "heun", hide_default_value = true)]
    sampler: SamplerName,
    /// Noise levels of heun, or steps of a predictor from t = 1 to 0. Default: 20 for heun, 500 for predictors.
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Error allowed a step of ode, in standardised pixels. Default: 1e-4.
    #[arg(long, value_name = "E")]
    tolerance: Option<f64>,
    /// Langevin steps before each step of a predictor: langevin (length by each image's norms) or annealed-langevin (by
    /// the noise level). Default: none.
    #[arg(long, value_name = "NAME")]
    corrector: Option<CorrectorName>,
    /// Signal-to-noise ratio of the corrector: its steps' length. Default: 0.16.
    #[arg(long, value_name = "R", requires = "corrector")]
    snr: Option<f64>,
    /// Langevin steps of the corrector at each level. Default: 1.
    #[arg(long, value_name = "N", requires = "corrector")]
    corrector_steps: Option<usize>,
    /// Noise level t to start from, at most 1. Default: 1.
    #[arg(long, value_name = "T", default_value_t = 1.0, hide_default_value = true)]
    t_start: f64,
    /// What to start from there: gaussian (the training mean plus noise) or uniform (uniform pixels plus noise).
    /// Default: gaussian.
    #[arg(long, value_name = "P", default_value = "gaussian", hide_default_value = true)]
    prior: PriorName,
    /// Leave the last bit of noise in the images.
    #[arg(long)]
    no_denoise: bool,
    /// Seed of the noise. Default: 0.
    #[arg(long, value_name = "S", default_value_t = 0, hide_default_value = true)]
    seed: u64,
    /// Images generated at once. Default: 64.
    #[arg(long, value_name = "N", default_value_t = 64, hide_default_value = true,
        value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum SamplerName {
    Heun,
    Ode,
    EulerMaruyama,
    ReverseDiffusion,
    Ancestral,
    ProbabilityFlow,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum CorrectorName {
    Langevin,
    AnnealedLangevin,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum PriorName {
    Gaussian,
    Uniform,
}

impl SamplerArgs {
    /// The sampler asked for, for the images of `encoder`'s run.
    pub fn sampler(&self, encoder: &LoadedEncoder) -> Result<Sampler> {
        let predictor = match self.sampler {
            SamplerName::Heun | SamplerName::Ode => None,
            SamplerName::EulerMaruyama => Some(Predictor::EulerMaruyama),
            SamplerName::ReverseDiffusion => Some(Predictor::ReverseDiffusion),
            SamplerName::Ancestral => Some(Predictor::Ancestral),
            SamplerName::ProbabilityFlow => Some(Predictor::ProbabilityFlow),
        };
        let adaptive = self.sampler == SamplerName::Ode;
        ensure!(adaptive || self.tolerance.is_none(), "--tolerance is for --sampler ode");
        ensure!(
            !adaptive || self.steps.is_none(),
            "--steps is not for --sampler ode, whose step is adaptive"
        );
        ensure!(
            predictor.is_some() || self.corrector.is_none(),
            "--corrector needs a predictor: --sampler euler-maruyama, reverse-diffusion, ancestral or probability-flow"
        );
        let algorithm = match predictor {
            Some(predictor) => {
                let steps = self.steps.unwrap_or(PREDICTOR_STEPS);
                Algorithm::PredictorCorrector { predictor, corrector: self.corrector(), steps }
            }
            None if adaptive => Algorithm::Ode { tolerance: self.tolerance.unwrap_or(TOLERANCE) },
            None => Algorithm::Heun { steps: self.steps.unwrap_or(HEUN_STEPS) },
        };
        let prior = match self.prior {
            PriorName::Gaussian => Prior::Gaussian,
            PriorName::Uniform => Prior::uniform_pixels(encoder.preprocess()),
        };
        let sampler = Sampler { algorithm, t_start: self.t_start, prior, denoise: !self.no_denoise };
        sampler.check(&encoder.config().sde)?;
        Ok(sampler)
    }

    fn corrector(&self) -> Option<Corrector> {
        let kind = match self.corrector? {
            CorrectorName::Langevin => CorrectorKind::Langevin,
            CorrectorName::AnnealedLangevin => CorrectorKind::AnnealedLangevin,
        };
        Some(Corrector { kind, snr: self.snr.unwrap_or(SNR), steps: self.corrector_steps.unwrap_or(1) })
    }

    /// The seed of the noise.
    pub fn seed(&self) -> Seed {
        Seed(self.seed)
    }

    /// Images at once.
    pub fn batch(&self) -> usize {
        self.batch.into()
    }
}

/// A bar over the evaluations of the score; without an end where their number isn't known beforehand.
pub fn evaluation_bar(ui: &Ui, total: Option<usize>) -> ProgressBar {
    if !ui.shows_progress() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match total {
        Some(total) => {
            (ProgressBar::new(total as u64), "{bar:30} {pos}/{len} evaluations  {per_sec}  {eta} left")
        }
        None => (ProgressBar::no_length(), "{spinner} {pos} evaluations  {per_sec}  {elapsed}"),
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is a constant"))
}

/// Evaluations that `images` images in batches will take in all.
pub fn total_evaluations(
    sampler: &Sampler,
    encoder: &LoadedEncoder,
    images: usize,
    batch: usize,
) -> Option<usize> {
    sampler.evaluations(&encoder.config().sde).map(|each| each * images.div_ceil(batch))
}

/// The folder that a command's pictures go to.
pub struct Folder(PathBuf);

impl Folder {
    /// Errors, before there are pictures, if the folder `given` lies among the images of the run or of `data`.
    pub fn check(given: Option<&Path>, run: &Path, data: Option<&str>) -> Result<()> {
        given.map_or(Ok(()), |path| refuse_among_images(run, data, path))
    }

    /// `given`, or `name` in the run folder; made if it isn't there.
    pub fn create(given: Option<PathBuf>, run: &Path, name: &str) -> Result<Self> {
        let path = given.unwrap_or_else(|| run.join(name));
        std::fs::create_dir_all(&path).with_context(|| format!("can't create {}", path.display()))?;
        Ok(Self(path))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes each of the images `pixels` `[N, H, W, C]` as `prefix0000.png` and so on.
    pub fn pictures(&self, prefix: &str, shape: ImageShape, pixels: &[f32]) -> Result<()> {
        for (i, pixels) in pixels.chunks(shape.len()).enumerate() {
            let png = picture([shape.height, shape.width, shape.channels], pixels)?;
            self.write(&format!("{prefix}{i:04}.png"), &png)?;
        }
        Ok(())
    }

    /// Writes a figure as `stem.png`; gives its path.
    pub fn figure(&self, stem: &str, figure: &Figure) -> Result<PathBuf> {
        self.write(&format!("{stem}.png"), &figure.to_png(2.0)?)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.0.join(name);
        PartFile::write_whole(&path, bytes).with_context(|| format!("can't write {}", path.display()))?;
        Ok(path)
    }
}

/// Small pictures of the images `pixels` `[N, H, W, C]`.
pub fn thumbnails(shape: ImageShape, pixels: &[f32]) -> Result<Vec<Thumbnail>> {
    let shape_of = [shape.height, shape.width, shape.channels];
    pixels.chunks(shape.len()).map(|pixels| Ok(Thumbnail::new(shape_of, pixels)?)).collect()
}

/// `count` (at least 1) rows, evenly spaced over `set`; all of them if there are fewer.
pub fn spaced_rows(set: &ImageSet, count: usize) -> Result<Vec<usize>> {
    if set.is_empty() {
        bail!("the data hold no images");
    }
    let count = count.min(set.len());
    Ok((0..count).map(|i| i * set.len() / count).collect())
}
