//! What images are known by wherever they lie: checksums, so that results and runs aren't mixed with those of other ones.
use super::{COLOURED, DataError, Dataset, ImageSet, LabelColumn, is_built_in};

/// Images whose pixels are summed at a time.
const READ_AT_ONCE: usize = 1024;

/// Checksums of images. Earlier versions recorded fewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// CRC-32C of the rows' names in their order, and of their labels where these matter.
    pub rows: Option<u32>,
    /// CRC-32C of the pixels; absent where names tell images apart, see [`pixels_checksum`].
    pub pixels: Option<u32>,
}

/// What tells images from those of a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Names, order or labels.
    Rows,
    /// Pixels.
    Pixels,
}

impl Fingerprint {
    /// Of `images`, from the data at `source`, whatever their labels.
    ///
    /// # Errors
    /// Images that can't be read.
    pub fn of(source: &str, images: &ImageSet) -> Result<Self, DataError> {
        Ok(Self { rows: Some(names_checksum(images)), pixels: pixels_checksum(source, images)? })
    }

    /// Of all labelled images of the data at `source`, those of the test split only if `test`.
    ///
    /// # Errors
    /// Images that can't be read.
    pub fn of_labelled(source: &str, dataset: &Dataset, test: bool) -> Result<Self, DataError> {
        let rows = Some(rows_checksum(dataset, test));
        let train = pixels_checksum(source, &dataset.train)?;
        let Some(test) = dataset.test.as_ref().filter(|_| test) else {
            return Ok(Self { rows, pixels: train });
        };
        let both = train.zip(pixels_checksum(source, test)?);
        let pixels = both.map(|(train, test)| crc32c::crc32c_append(train, &test.to_le_bytes()));
        Ok(Self { rows, pixels })
    }

    /// What tells the images `now` from these, as far as both are known.
    pub fn difference(self, now: Self) -> Option<Difference> {
        let differ = |before: Option<u32>, now| before.zip(now).is_some_and(|(before, now)| before != now);
        match (differ(self.rows, now.rows), differ(self.pixels, now.pixels)) {
            (true, _) => Some(Difference::Rows),
            (false, true) => Some(Difference::Pixels),
            (false, false) => None,
        }
    }

    /// Whether other images than these, such as `now`, would be known as others.
    pub fn can_tell(self, now: Self) -> bool {
        self.rows.is_some() && self.pixels.is_some() == now.pixels.is_some()
    }
}

/// CRC-32C of the names and labels of all rows, of those of the test split only if `test`.
fn rows_checksum(dataset: &Dataset, test: bool) -> u32 {
    let sets = std::iter::once(&dataset.train).chain(dataset.test.iter().filter(|_| test));
    sets.fold(0, |sum, set| {
        let labels = set.labels().map_or(0, LabelColumn::checksum);
        let sum = crc32c::crc32c_append(sum, &names_checksum(set).to_le_bytes());
        crc32c::crc32c_append(sum, &labels.to_le_bytes())
    })
}

/// CRC-32C of the pixels of images, from the data at `source`, without files of their own: their names are only the numbers
/// of their rows. `None` of image files, to decode which would take too long, and of built-in data, which are the same
/// everywhere but for what a system's mathematics rounds.
///
/// # Errors
/// Images that can't be read.
fn pixels_checksum(source: &str, images: &ImageSet) -> Result<Option<u32>, DataError> {
    let name = source.strip_prefix(COLOURED).unwrap_or(source);
    if images.file_sizes().is_some() || is_built_in(name) {
        return Ok(None);
    }
    let rows: Vec<usize> = (0..images.len()).collect();
    let (mut sum, mut pixels, mut bytes) = (0, Vec::new(), Vec::new());
    for rows in rows.chunks(READ_AT_ONCE) {
        pixels.resize(rows.len() * images.shape().len(), 0.0);
        images.read(rows, &mut pixels)?;
        bytes.clear();
        bytes.extend(pixels.iter().flat_map(|value| value.to_le_bytes()));
        sum = crc32c::crc32c_append(sum, &bytes);
    }
    Ok(Some(sum))
}

/// CRC-32C of the images' names in their order, each ended by a zero.
pub(super) fn names_checksum(images: &ImageSet) -> u32 {
    (0..images.len()).fold(0, |sum, row| {
        crc32c::crc32c_append(crc32c::crc32c_append(sum, images.id(row).as_bytes()), &[0])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: Fingerprint = Fingerprint { rows: Some(1), pixels: Some(2) };

    #[test]
    fn images_differ_by_what_both_fingerprints_hold() {
        assert_eq!(BEFORE.difference(BEFORE), None);
        assert_eq!(BEFORE.difference(Fingerprint { rows: Some(9), pixels: Some(9) }), Some(Difference::Rows));
        assert_eq!(
            BEFORE.difference(Fingerprint { rows: Some(1), pixels: Some(9) }),
            Some(Difference::Pixels)
        );
        assert_eq!(BEFORE.difference(Fingerprint { rows: None, pixels: Some(2) }), None);
        assert_eq!(Fingerprint::default().difference(BEFORE), None);
    }

    #[test]
    fn other_images_are_told_only_by_a_fingerprint_with_all_parts() {
        let named = Fingerprint { rows: Some(1), pixels: None };
        assert!(BEFORE.can_tell(BEFORE) && named.can_tell(named));
        assert!(!named.can_tell(BEFORE) && !Fingerprint::default().can_tell(named));
    }
}
