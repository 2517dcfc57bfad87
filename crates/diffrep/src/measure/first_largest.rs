//! Which class scores highest.

/// Index of the first of the largest values of `row`; 0 for an empty one. Values that aren't numbers are never larger.
pub(crate) fn first_largest<T: PartialOrd>(row: &[T]) -> usize {
    let mut best = 0;
    for (index, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::first_largest;

    #[test]
    fn ties_go_to_the_first() {
        assert_eq!(first_largest(&[0.0, 2.0, 1.0, 2.0]), 1);
        assert_eq!(first_largest::<f32>(&[]), 0);
    }
}
