//! How a data set is read.
use crate::bad_images::BadImages;
use anyhow::Context;
use clap::Args;
use diffrep::data::{self, Dataset, OpenOptions};
use std::path::PathBuf;

/// The data set and how to read it.
#[derive(Args)]
pub struct OpenArgs {
    /// A built-in set (digits, shapes) or the path of a folder of images, an IDX or CIFAR file or folder, a .npy or
    /// .npz file. The format is recognised by itself.
    #[arg(long, value_name = "NAME|PATH")]
    pub data: String,
    /// Channels of the images: 1 (grey), 3 (colour), or auto: what the data have.
    #[arg(long, default_value = "auto", value_parser = ["auto", "1", "3"])]
    channels: String,
    /// Side to which images are brought, as 64 or HEIGHTxWIDTH [default: what the data have; in folders of mixed or
    /// large images 32].
    #[arg(long, value_name = "SIDE", value_parser = parse_size)]
    size: Option<(usize, usize)>,
    /// What to do with images that can't be read.
    #[arg(long, value_enum, default_value_t = BadImages::Fail)]
    on_bad: BadImages,
    /// Where labels come from: auto (the format, or one folder a class), ignore, folders (the folder names, however deep
    /// the images lie), or a CSV file that begins with the line path,label.
    #[arg(long, default_value = "auto", value_name = "auto|ignore|folders|FILE")]
    labels: String,
    /// Largest image file that is read, in pixels.
    #[arg(long, default_value_t = OpenOptions::default().pixel_limit, value_name = "PIXELS")]
    pixel_limit: u64,
}

impl OpenArgs {
    /// Opens the data set; `exclude` are files and folders that are not data.
    pub fn open(&self, exclude: Vec<PathBuf>) -> anyhow::Result<Dataset> {
        let options = OpenOptions {
            channels: self.channels.parse().ok(),
            size: self.size,
            on_bad: self.on_bad.into(),
            labels: self.labels.as_str().into(),
            pixel_limit: self.pixel_limit,
            exclude,
            ..OpenOptions::default()
        };
        Ok(data::open(&self.data, &options)?)
    }
}

fn parse_size(text: &str) -> anyhow::Result<(usize, usize)> {
    let (height, width) = text.split_once('x').unwrap_or((text, text));
    let side =
        |text: &str| text.parse().context("expected a number such as 64, or HEIGHTxWIDTH such as 48x64");
    Ok((side(height)?, side(width)?))
}
