//! The loaders on real files, where they are at hand.
use super::shared;
use diffrep::data::{Dataset, ImageShape, OpenOptions, Preprocess, open};

fn open_shared(name: &str) -> Option<Dataset> {
    shared::path(&format!("data/{name}"))
        .map(|path| open(path.to_str().unwrap(), &OpenOptions::default()).unwrap())
}

// Counts a class: LeCun, Cortes, Burges.
#[test]
fn mnist_is_read_whole() {
    let Some(mnist) = open_shared("mnist") else { return };
    assert_eq!(mnist.name, "mnist");
    assert_eq!(mnist.train.shape(), ImageShape { height: 28, width: 28, channels: 1 });
    let counts = mnist.train.labels().unwrap().counts();
    assert_eq!(counts, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    assert_eq!(mnist.test.unwrap().len(), 10_000);
    let preprocess = Preprocess::fit(&mnist.train, 8).unwrap();
    assert_eq!((preprocess.height, preprocess.width), (32, 32));
    // The widely used mean 0.1307 is that of 28×28 pixels.
    assert!((preprocess.mean[0] - 0.1307 * (28.0 * 28.0) / (32.0 * 32.0)).abs() < 1e-4);
}

// The statistics of all 50,000 images are .4914 .4822 .4465 / .2470 .2435 .2616; the subset's are close.
#[test]
fn cifar_10_is_read_from_the_archive() {
    let Some(cifar) = open_shared("cifar-10-binary.tar.gz") else { return };
    assert_eq!((cifar.train.len(), cifar.test.unwrap().len()), (20_000, 5_000));
    assert_eq!(cifar.train.labels().unwrap().classes[0], "airplane");
    let preprocess = Preprocess::fit(&cifar.train, 8).unwrap();
    for (found, published) in preprocess.mean.iter().zip([0.4914, 0.4822, 0.4465]) {
        assert!((found - published).abs() < 0.005, "{found}");
    }
    for (found, published) in preprocess.std.iter().zip([0.2470, 0.2435, 0.2616]) {
        assert!((found - published).abs() < 0.005, "{found}");
    }
}

#[test]
fn cifar_100_has_fine_and_coarse_labels() {
    let Some(cifar) = open_shared("cifar-100-binary.tar.gz") else { return };
    assert_eq!((cifar.train.len(), cifar.test.unwrap().len()), (10_000, 2_000));
    let names: Vec<&str> = cifar.train.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["label", "coarse"]);
    // An apple is a fruit or vegetable.
    let (fine, coarse) = (&cifar.train.columns()[0], &cifar.train.columns()[1]);
    let apple = (0..cifar.train.len()).find(|&row| fine.class(row) == Some("apple")).unwrap();
    assert_eq!(coarse.class(apple), Some("fruit_and_vegetables"));
}
