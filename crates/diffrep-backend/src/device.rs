//! The devices that this build can compute on, by name.
pub use burn::tensor::Device;

/// A device that can't be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No device of that name exists.
    #[error("device `{0}` is not known; expected one of cpu, wgpu, cuda, rocm, metal")]
    Unknown(String),
    /// The feature was off when the program was built.
    #[error("device `{0}` is not in this build; build with `--features {0}`, or use `--device cpu`")]
    NotBuilt(String),
    /// The backend is there, but it finds no hardware.
    #[error("device `{0}` finds no hardware on this machine; use `--device cpu`")]
    NoHardware(String),
}

/// Name of the processor, which every build has.
pub const CPU: &str = "cpu";

/// Every device there is by name, and whether it is in this build.
pub const ALL: [(&str, bool); 5] = [
    (CPU, true),
    ("wgpu", cfg!(feature = "wgpu")),
    ("cuda", cfg!(feature = "cuda")),
    ("rocm", cfg!(feature = "rocm")),
    ("metal", cfg!(feature = "metal")),
];

/// Names of the devices that [`open`] knows in this build.
pub fn names() -> Vec<&'static str> {
    ALL.iter().filter(|(_, built)| *built).map(|(name, _)| *name).collect()
}

/// The first device called `name`: `cpu`, or a GPU backend that was built in.
///
/// # Errors
/// If the name is unknown, its feature was not built, or no such hardware is found.
pub fn open(name: &str) -> Result<Device, DeviceError> {
    let known = ALL.iter().find(|(device, _)| *device == name);
    let &(_, built) = known.ok_or_else(|| DeviceError::Unknown(name.to_owned()))?;
    if !built {
        return Err(DeviceError::NotBuilt(name.to_owned()));
    }
    match name {
        #[cfg(feature = "wgpu")]
        "wgpu" => first(name, burn::tensor::DeviceType::Wgpu),
        #[cfg(feature = "cuda")]
        "cuda" => first(name, burn::tensor::DeviceType::Cuda),
        #[cfg(feature = "rocm")]
        "rocm" => first(name, burn::tensor::DeviceType::Rocm),
        #[cfg(feature = "metal")]
        "metal" => first(name, burn::tensor::DeviceType::Metal),
        _ => Ok(Device::flex()),
    }
}

/// The name by which [`open`] gives `device`, with or without autodiff; of another device what Burn calls it.
pub fn name(device: &Device) -> String {
    let plain = device.clone().inner();
    let opens = |name: &&str| open(name).is_ok_and(|device| device == plain);
    names().into_iter().find(opens).map_or_else(|| format!("{plain:?}"), str::to_owned)
}

#[cfg(any(feature = "wgpu", feature = "cuda", feature = "rocm", feature = "metal"))]
fn first(name: &str, kind: burn::tensor::DeviceType) -> Result<Device, DeviceError> {
    Device::enumerate(kind).into_iter().next().ok_or_else(|| DeviceError::NoHardware(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_always_there() {
        assert!(open("cpu").is_ok());
        assert_eq!(names()[0], "cpu");
    }

    #[test]
    fn a_device_has_the_name_that_it_was_opened_by() {
        let device = open(CPU).unwrap();
        assert_eq!((name(&device), name(&device.autodiff())), (CPU.to_owned(), CPU.to_owned()));
    }

    #[test]
    fn an_unknown_device_is_named_with_what_exists() {
        let message = open("gpu").unwrap_err().to_string();
        assert!(message.contains("`gpu`") && message.contains("wgpu"), "{message}");
    }

    #[cfg(not(feature = "wgpu"))]
    #[test]
    fn a_device_left_out_of_the_build_is_an_error_that_says_how_to_get_it() {
        assert_eq!(open("wgpu").unwrap_err(), DeviceError::NotBuilt("wgpu".into()));
    }
}
