//! Where networks are computed: an argument of every command that runs one.
use anyhow::Result;
use diffrep::nn::device;

/// Where networks are computed.
#[derive(clap::Args)]
pub struct DeviceArgs {
    /// Device that computes: cpu, or a GPU backend that was built in (wgpu, cuda, rocm, metal). Default: cpu.
    #[arg(long = "device", value_name = "NAME", default_value = "cpu", hide_default_value = true)]
    name: String,
}

impl DeviceArgs {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the processor.
    pub fn is_cpu(&self) -> bool {
        self.name == device::CPU
    }

    /// The device.
    pub fn open(&self) -> Result<device::Device> {
        Ok(device::open(&self.name)?)
    }
}
