//! The parameters of a module as one flat vector: what optimiser, average, clipping and checkpoints work on.
//!
//! The order is that in which the module visits its parameters; names are the paths of fields, joined by dots.
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};
use std::ops::Range;

/// What may change a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Gradient descent.
    Trainable,
    /// Nothing: the frequencies of time embeddings.
    Frozen,
    /// The forward pass in training: statistics of batch norms.
    Running,
}

/// One parameter tensor within the flat vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path of the field, `encoder.stages.0.1.conv1.weight`.
    pub name: String,
    /// Shape as the module holds it.
    pub shape: Vec<usize>,
    /// Its place in the flat vector.
    pub range: Range<usize>,
    /// What may change it.
    pub kind: Kind,
}

/// Names, shapes and places of all parameters of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    entries: Vec<Entry>,
}

impl Layout {
    /// The layout of `module`.
    pub fn of(module: &impl Module) -> Self {
        let mut visitor = LayoutVisitor::default();
        module.visit(&mut visitor);
        Self { entries: visitor.entries }
    }

    /// All parameters in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Length of the flat vector.
    pub fn len(&self) -> usize {
        self.entries.last().map_or(0, |entry| entry.range.end)
    }

    /// True if the module has no parameters.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The parameter of that name.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// Number of values that gradient descent changes.
    pub fn trainable_len(&self) -> usize {
        self.entries.iter().filter(|entry| entry.kind == Kind::Trainable).map(|entry| entry.range.len()).sum()
    }
}

#[derive(Default)]
struct LayoutVisitor {
    path: Vec<String>,
    entries: Vec<Entry>,
}

impl ModuleVisitor for LayoutVisitor {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let shape = param.lazy_shape().to_vec();
        let start = self.entries.last().map_or(0, |entry| entry.range.end);
        let end = start + shape.iter().product::<usize>();
        let kind = match self.path.last().map(String::as_str) {
            Some("running_mean" | "running_var") => Kind::Running,
            Some("frequencies") => Kind::Frozen,
            _ => Kind::Trainable,
        };
        self.entries.push(Entry { name: self.path.join("."), shape, range: start..end, kind });
    }
}

/// All parameter values of `module`, in layout order.
pub fn gather(module: &impl Module) -> Vec<f32> {
    struct Gather(Vec<f32>);
    impl ModuleVisitor for Gather {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            append(&mut self.0, param.val());
        }
    }
    let mut gather = Gather(Vec::with_capacity(Layout::of(module).len()));
    module.visit(&mut gather);
    gather.0
}

/// The gradients of all parameters in layout order; a parameter that the loss doesn't depend on has gradient 0.
pub fn gather_gradients(module: &impl Module, gradients: &Gradients) -> Vec<f32> {
    struct Gather<'a>(Vec<f32>, &'a Gradients);
    impl ModuleVisitor for Gather<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            match param.val().grad(self.1) {
                Some(gradient) => append(&mut self.0, gradient),
                None => self.0.resize(self.0.len() + param.lazy_shape().num_elements(), 0.0),
            }
        }
    }
    let mut gather = Gather(Vec::with_capacity(Layout::of(module).len()), gradients);
    module.visit(&mut gather);
    gather.0
}

/// A copy of `module` with the parameters `values` in layout order, on the same device.
///
/// Burn's clones share the running statistics of batch norms; the copy shares nothing with `module`.
///
/// # Panics
/// If `values` hasn't the length of the module's layout.
pub fn scatter<M: Module>(module: &M, values: &[f32]) -> M {
    struct Scatter<'a>(&'a [f32]);
    impl ModuleMapper for Scatter<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let (head, rest) = self.0.split_at(param.lazy_shape().num_elements());
            self.0 = rest;
            let trainable = param.is_require_grad();
            param.map(|old| {
                let data = TensorData::new(head.to_vec(), old.shape());
                let new = Tensor::from_data(data, &old.device());
                if trainable { new.require_grad() } else { new }
            })
        }
    }
    assert_eq!(values.len(), Layout::of(module).len(), "parameters of another module");
    unshared(module).map(&mut Scatter(values))
}

/// A copy whose running statistics aren't those of `module`, in the same training state.
fn unshared<M: Module>(module: &M) -> M {
    let copy = module.valid();
    if is_autodiff(module) { copy.train() } else { copy }
}

fn is_autodiff(module: &impl Module) -> bool {
    struct Probe(bool);
    impl ModuleVisitor for Probe {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0 |= param.val().is_autodiff();
        }
    }
    let mut probe = Probe(false);
    module.visit(&mut probe);
    probe.0
}

fn append<const D: usize>(values: &mut Vec<f32>, tensor: Tensor<D>) {
    let data = tensor.into_data();
    values.extend_from_slice(data.as_slice::<f32>().expect("parameters are f32 throughout"));
}
