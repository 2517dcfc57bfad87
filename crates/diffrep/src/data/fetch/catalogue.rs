//! What can be fetched, from where, and how it is told to be whole.

/// A data set that its authors publish.
#[derive(Debug)]
pub struct Fetchable {
    /// Name for the command line.
    pub name: &'static str,
    /// What it is, with its size.
    pub about: &'static str,
    /// Address of the folder with the files.
    pub base: &'static str,
    /// The files.
    pub files: &'static [PublishedFile],
}

/// One file of a data set.
#[derive(Debug)]
pub struct PublishedFile {
    /// Its name at the publisher's and on disk.
    pub name: &'static str,
    /// Its MD5 checksum as published, in hexadecimal.
    pub md5: &'static str,
}

const fn file(name: &'static str, md5: &'static str) -> PublishedFile {
    PublishedFile { name, md5 }
}

/// All of them. The MNIST address is the mirror that the authors' own page gave way to.
pub const FETCHABLE: [Fetchable; 4] = [
    Fetchable {
        name: "mnist",
        about: "handwritten digits, 60,000 + 10,000 images, 28×28, grey, 10 classes; 12 MB",
        base: "https://ossci-datasets.s3.amazonaws.com/mnist",
        files: &[
            file("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            file("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
            file("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
            file("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
        ],
    },
    Fetchable {
        name: "fashion-mnist",
        about: "articles of clothing, 60,000 + 10,000 images, 28×28, grey, 10 classes; 31 MB",
        base: "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        files: &[
            file("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            file("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
            file("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
            file("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
        ],
    },
    Fetchable {
        name: "cifar10",
        about: "photographs, 50,000 + 10,000 images, 32×32, colour, 10 classes; 162 MB",
        base: "https://www.cs.toronto.edu/~kriz",
        files: &[file("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530")],
    },
    Fetchable {
        name: "cifar100",
        about: "photographs, 50,000 + 10,000 images, 32×32, colour, 100 classes in 20 groups; 161 MB",
        base: "https://www.cs.toronto.edu/~kriz",
        files: &[file("cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8")],
    },
];
