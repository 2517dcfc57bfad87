//! An ONNX graph in the making.
use super::message::{
    AttributeProto, Dimension, DimensionProto, GraphProto, NodeProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto, attribute_type, data_type,
};

/// A tensor of the graph, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value(String);

/// A side of an input or output; `None` is the number of images, which each call chooses.
pub(super) type Side = Option<usize>;

/// Nodes and constants so far.
pub(super) struct Graph {
    proto: GraphProto,
}

impl Graph {
    pub fn new(name: &str) -> Self {
        Self { proto: GraphProto { name: name.to_owned(), ..GraphProto::default() } }
    }

    /// An input of the graph, of `f32`.
    pub fn input(&mut self, name: &str, shape: &[Side], meaning: &str) -> Value {
        self.proto.input.push(value_info(name, shape, meaning));
        Value(name.to_owned())
    }

    /// Makes `value` an output of the graph, of `f32`, under the name `name`.
    pub fn output(&mut self, name: &str, value: &Value, shape: &[Side], meaning: &str) {
        self.push("Identity", &[value], Vec::new(), name.to_owned());
        self.proto.output.push(value_info(name, shape, meaning));
    }

    /// A constant tensor; the same name twice is the same constant.
    pub fn constant(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        self.initializer(name, shape, data_type::FLOAT, || {
            values.iter().flat_map(|v| v.to_le_bytes()).collect()
        })
    }

    /// A constant list of integers, such as a shape.
    pub fn integers(&mut self, name: &str, values: &[i64]) -> Value {
        let bytes = || values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initializer(name, &[values.len()], data_type::INT64, bytes)
    }

    /// The result of the operation `op`.
    pub fn node(&mut self, op: &str, inputs: &[&Value], attributes: Vec<AttributeProto>) -> Value {
        let name = format!("{}_{}", op.to_lowercase(), self.proto.node.len());
        self.push(op, inputs, attributes, name)
    }

    /// The finished graph.
    pub fn finish(self) -> GraphProto {
        self.proto
    }

    fn push(&mut self, op: &str, inputs: &[&Value], attribute: Vec<AttributeProto>, output: String) -> Value {
        self.proto.node.push(NodeProto {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: vec![output.clone()],
            name: format!("node_{output}"),
            op_type: op.to_owned(),
            attribute,
        });
        Value(output)
    }

    fn initializer(
        &mut self,
        name: &str,
        shape: &[usize],
        data_type: i32,
        bytes: impl Fn() -> Vec<u8>,
    ) -> Value {
        let dims: Vec<i64> = shape.iter().map(|&side| side as i64).collect();
        match self.proto.initializer.iter().find(|tensor| tensor.name == name) {
            Some(before) => debug_assert!(before.dims == dims, "two constants are called {name}"),
            None => {
                let (name, raw_data) = (name.to_owned(), bytes());
                self.proto.initializer.push(TensorProto { dims, data_type, name, raw_data });
            }
        }
        Value(name.to_owned())
    }
}

/// An attribute that is an integer.
pub(super) fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i: Some(value),
        r#type: attribute_type::INT,
        ..AttributeProto::default()
    }
}

/// An attribute that is a list of integers.
pub(super) fn integers(name: &str, values: &[i64]) -> AttributeProto {
    let (name, ints, r#type) = (name.to_owned(), values.to_vec(), attribute_type::INTS);
    AttributeProto { name, ints, r#type, ..AttributeProto::default() }
}

/// An attribute that is a number.
pub(super) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        f: Some(value),
        r#type: attribute_type::FLOAT,
        ..AttributeProto::default()
    }
}

fn value_info(name: &str, shape: &[Side], meaning: &str) -> ValueInfoProto {
    let dimension = |side: &Side| match side {
        Some(side) => Dimension::Value(*side as i64),
        None => Dimension::Parameter("images".to_owned()),
    };
    let dim = shape.iter().map(|side| DimensionProto { value: Some(dimension(side)) }).collect();
    let tensor = TensorTypeProto { elem_type: data_type::FLOAT, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(tensor) }),
        doc_string: meaning.to_owned(),
    }
}
