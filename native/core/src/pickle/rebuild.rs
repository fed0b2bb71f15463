//! What torch's rebuild calls mean. Specification: PyTorch's `torch/_utils.py` and `torch/_tensor.py`.

use smallvec::{SmallVec, smallvec};

use super::graph::{Graph, Node, NodeId};
use super::torch::{Place, is_expanded};
use crate::bytes::{Limits, MAX_INTEGER};
use crate::tensor::{Dtype, View};

/// A strided tensor, as its call describes it. Not yet checked against its storage.
#[derive(Debug, PartialEq)]
pub(super) struct Strided {
    /// A persistent id.
    pub(super) storage: NodeId,
    /// The type that the call names; `None` for that of the storage.
    pub(super) dtype: Option<Dtype>,
    pub(super) offset: u64,
    pub(super) shape: Vec<u64>,
    pub(super) strides: Vec<u64>,
    /// Are the values the bytes of the storage?
    pub(super) plain: bool,
}

/// A tensor, checked against its storage.
pub(super) enum Checked {
    /// A view of the storage.
    View(Dtype, View),
    /// What can only be listed, and why.
    Unread(Dtype, Vec<u64>, &'static str),
}

impl Strided {
    /// Type and view on its storage.
    pub(super) fn on(self, place: &Place) -> Result<Checked, &'static str> {
        let dtype = match (self.dtype, place.dtype) {
            (Some(dtype), None) | (None, Some(dtype)) => dtype,
            (Some(_), Some(_)) => return Err("dtype of a tensor on a typed storage"),
            (None, None) => return Err("tensor without a dtype"),
        };
        // Their shape counts values, their storage bytes of several values.
        if matches!(dtype, Dtype::QUInt4x2 | Dtype::QUInt2x4) {
            let why = "its elements are parts of a byte";
            return Ok(Checked::Unread(dtype, self.shape, why));
        }
        let empty = self.shape.contains(&0);
        let mut view = View {
            shape: self.shape,
            strides: self.strides,
            offset: self.offset,
        };
        let extent = view.extent_bytes(dtype);
        if !empty && extent.is_none_or(|needed| needed > place.len) {
            return Err("tensor reaches outside its storage");
        }
        if !self.plain {
            let why = "conjugated or negated when it is read";
            return Ok(Checked::Unread(dtype, view.shape, why));
        }
        if empty {
            return Ok(Checked::View(dtype, View::contiguous(view.shape)));
        }
        if is_expanded(dtype, &view.shape, place.len) {
            let why = "expanded to many times its storage";
            return Ok(Checked::Unread(dtype, view.shape, why));
        }
        let item = dtype.item_size().ok_or("tensor of packed elements")?;
        if !place.start.is_multiple_of(item) {
            return Err("tensor between the elements of its storage");
        }
        // Fits: the place lies inside a storage.
        view.offset += place.start / item;
        Ok(Checked::View(dtype, view))
    }
}

/// Further objects, each with the name below the tensor's.
pub(super) type Parts = SmallVec<[(&'static str, NodeId); 4]>;

/// What a call stands for.
#[derive(Debug, PartialEq)]
pub(super) enum Meaning {
    /// A tensor, with tensors that belong to it.
    Tensor(Strided, Parts),
    /// Only tensors that belong to it.
    Parts(Parts),
    /// A tensor that has no values of its own here, and why.
    Unread(String, Vec<u64>, &'static str),
    /// Another object, possibly with attributes.
    Same(NodeId, Option<NodeId>),
    /// Another call, with attributes.
    Call {
        callable: NodeId,
        args: NodeId,
        state: NodeId,
    },
    /// None of torch's: an object like any other.
    Other,
}

/// Is this one of torch's functions that make tensors?
pub(super) fn is_rebuild(graph: &Graph<'_>, callable: NodeId) -> bool {
    graph
        .global(callable)
        .is_some_and(|(module, name)| match module {
            b"torch._utils" | b"torch._tensor" => name.starts_with(b"_rebuild_"),
            b"torch.jit._pickle" => is_type_tag(name),
            _ => false,
        })
}

/// TorchScript's functions that only tell the type of a list or dict.
fn is_type_tag(name: &[u8]) -> bool {
    matches!(
        name,
        b"restore_type_tag"
            | b"build_intlist"
            | b"build_tensorlist"
            | b"build_doublelist"
            | b"build_boollist"
    )
}

/// What `callable(*args)` stands for; `Err` with a rule when torch would refuse the arguments.
pub(super) fn meaning(
    graph: &Graph<'_>,
    callable: NodeId,
    args: NodeId,
    limits: &Limits,
) -> Result<Meaning, &'static str> {
    let (Some((module, name)), Some(args)) = (graph.global(callable), graph.tuple(args)) else {
        return Ok(Meaning::Other);
    };
    let rebuild = Rebuild { graph, limits };
    match (module, name) {
        (b"torch._utils", b"_rebuild_tensor") => match *args {
            [storage, offset, size, stride] => {
                let tensor = rebuild.strided([storage, offset, size, stride], None, None)?;
                Ok(Meaning::Tensor(tensor, smallvec![]))
            }
            _ => Err("_rebuild_tensor takes 4 arguments"),
        },
        (b"torch._utils", b"_rebuild_tensor_v2") => match *args {
            [storage, offset, size, stride, _, _, ref metadata @ ..] if metadata.len() <= 1 => {
                let metadata = metadata.first().copied();
                let tensor = rebuild.strided([storage, offset, size, stride], None, metadata)?;
                Ok(Meaning::Tensor(tensor, smallvec![]))
            }
            _ => Err("_rebuild_tensor_v2 takes 6 or 7 arguments"),
        },
        (b"torch._utils", b"_rebuild_tensor_v3") => match *args {
            [
                storage,
                offset,
                size,
                stride,
                _,
                _,
                dtype,
                ref metadata @ ..,
            ] if metadata.len() <= 1 => {
                let dtype = rebuild.dtype(dtype)?;
                let metadata = metadata.first().copied();
                let tensor =
                    rebuild.strided([storage, offset, size, stride], Some(dtype), metadata)?;
                Ok(Meaning::Tensor(tensor, smallvec![]))
            }
            _ => Err("_rebuild_tensor_v3 takes 7 or 8 arguments"),
        },
        (b"torch._utils", b"_rebuild_qtensor") => match *args {
            [storage, offset, size, stride, quantizer, _, _] => {
                let tensor = rebuild.strided([storage, offset, size, stride], None, None)?;
                Ok(Meaning::Tensor(tensor, rebuild.quantizer(quantizer)?))
            }
            _ => Err("_rebuild_qtensor takes 7 arguments"),
        },
        (b"torch._utils", b"_rebuild_sparse_tensor" | b"_rebuild_sparse_csr_tensor") => match *args
        {
            [layout, data] => Ok(Meaning::Parts(rebuild.sparse(layout, data)?)),
            _ => Err("_rebuild_sparse_tensor takes 2 arguments"),
        },
        (b"torch._utils", b"_rebuild_nested_tensor") => match *args {
            [buffer, sizes, strides, offsets] => Ok(Meaning::Parts(smallvec![
                ("buffer", buffer),
                ("sizes", sizes),
                ("strides", strides),
                ("storage_offsets", offsets),
            ])),
            _ => Err("_rebuild_nested_tensor takes 4 arguments"),
        },
        (b"torch._utils", b"_rebuild_meta_tensor_no_storage") => match *args {
            [dtype, size, _, _] => rebuild.unread(dtype, size, "a meta tensor has no values"),
            _ => Err("_rebuild_meta_tensor_no_storage takes 4 arguments"),
        },
        (b"torch._utils", b"_rebuild_wrapper_subclass") => match *args {
            [_, dtype, size, _, _, _, _, _, ..] => rebuild.unread(
                dtype,
                size,
                "a subclass of tensors, which has its own parts",
            ),
            _ => Err("_rebuild_wrapper_subclass takes 8 arguments"),
        },
        // The tensor or array that a device's tensor is made of.
        (
            b"torch._utils",
            b"_rebuild_device_tensor_from_numpy"
            | b"_rebuild_device_tensor_from_cpu_tensor"
            | b"_rebuild_xla_tensor"
            | b"_rebuild_mlc_tensor"
            | b"_rebuild_ort_tensor",
        ) => match *args {
            [data, _, _, _] => Ok(Meaning::Same(data, None)),
            _ => Err("_rebuild_device_tensor takes 4 arguments"),
        },
        (b"torch.jit._pickle", name) if is_type_tag(name) => match *args {
            [data] | [data, _] => Ok(Meaning::Same(data, None)),
            _ => Err("a type tag takes 1 or 2 arguments"),
        },
        (b"torch._utils", b"_rebuild_parameter") => match *args {
            [data, _, _] => Ok(Meaning::Same(data, None)),
            _ => Err("_rebuild_parameter takes 3 arguments"),
        },
        (b"torch._utils", b"_rebuild_parameter_with_state") => match *args {
            [data, _, _, state] => Ok(Meaning::Same(data, Some(state))),
            _ => Err("_rebuild_parameter_with_state takes 4 arguments"),
        },
        (b"torch._tensor", b"_rebuild_from_type" | b"_rebuild_from_type_v2") => match *args {
            [callable, _, args, state] => Ok(Meaning::Call {
                callable,
                args,
                state,
            }),
            _ => Err("_rebuild_from_type_v2 takes 4 arguments"),
        },
        _ => Ok(Meaning::Other),
    }
}

struct Rebuild<'g> {
    graph: &'g Graph<'g>,
    limits: &'g Limits,
}

impl Rebuild<'_> {
    fn strided(
        &self,
        [storage, offset, size, stride]: [NodeId; 4],
        dtype: Option<Dtype>,
        metadata: Option<NodeId>,
    ) -> Result<Strided, &'static str> {
        if !matches!(
            self.graph.node(storage),
            Node::Persistent(_) | Node::PersistentText(_)
        ) {
            return Err("tensor without a storage");
        }
        let offset = self.integer(offset).ok_or("bad offset of a tensor")?;
        let shape = self.integers(size).ok_or("bad size of a tensor")?;
        let strides = self.integers(stride).ok_or("bad stride of a tensor")?;
        if shape.len() != strides.len() {
            return Err("size and stride of a tensor differ in length");
        }
        if shape.len() > self.limits.rank {
            return Err("tensor with too many axes");
        }
        Ok(Strided {
            storage,
            dtype,
            offset,
            shape,
            strides,
            plain: self.plain(metadata)?,
        })
    }

    fn unread(
        &self,
        dtype: NodeId,
        size: NodeId,
        why: &'static str,
    ) -> Result<Meaning, &'static str> {
        let name = match self.graph.global(dtype) {
            Some((b"torch", name)) if name.len() < 64 => String::from_utf8_lossy(name).into_owned(),
            _ => return Err("bad dtype of a tensor"),
        };
        let shape = self.integers(size).ok_or("bad size of a tensor")?;
        Ok(Meaning::Unread(name, shape, why))
    }

    /// Lazily conjugated and negated tensors have other values than their storage.
    fn plain(&self, metadata: Option<NodeId>) -> Result<bool, &'static str> {
        let Some(metadata) = metadata else {
            return Ok(true);
        };
        match self.graph.node(metadata) {
            Node::None => Ok(true),
            Node::Dict(items) if items.len() > 64 => Err("metadata of a tensor is too long"),
            Node::Dict(items) => Ok(!items.iter().any(|item| {
                matches!(self.graph.str(item.key), Some(b"conj" | b"neg"))
                    && *self.graph.node(item.value) != Node::Bool(false)
            })),
            _ => Err("metadata of a tensor is no dict"),
        }
    }

    fn integer(&self, id: NodeId) -> Option<u64> {
        self.graph.unsigned(id).filter(|&v| v <= MAX_INTEGER)
    }

    /// A tuple, list or `torch.Size` of integers.
    fn integers(&self, id: NodeId) -> Option<Vec<u64>> {
        let ids = match self.graph.node(id) {
            Node::Tuple(ids) => ids,
            Node::List(ids) => ids.as_slice(),
            Node::Object(object) => self.graph.torch_size(object)?,
            _ => return None,
        };
        if ids.len() > self.limits.rank {
            return None;
        }
        ids.iter().map(|&id| self.integer(id)).collect()
    }

    fn dtype(&self, id: NodeId) -> Result<Dtype, &'static str> {
        match self.graph.global(id) {
            Some((b"torch", name)) => Some(name)
                .filter(|name| name.len() < 64)
                .and_then(|name| std::str::from_utf8(name).ok())
                .and_then(Dtype::parse)
                .filter(|dtype| dtype.item_size().is_some())
                .ok_or("unknown dtype of a tensor"),
            _ => Err("bad dtype of a tensor"),
        }
    }

    /// Scales and zero points that are tensors.
    fn quantizer(&self, id: NodeId) -> Result<Parts, &'static str> {
        let args = self.graph.tuple(id).ok_or("bad quantizer of a tensor")?;
        let scheme = args.first().and_then(|&scheme| self.graph.global(scheme));
        match (scheme, args) {
            (Some((b"torch", b"per_tensor_affine")), [_, _, _]) => Ok(smallvec![]),
            (
                Some((b"torch", b"per_channel_affine" | b"per_channel_affine_float_qparams")),
                &[_, scales, zero_points, _],
            ) => Ok(smallvec![("scales", scales), ("zero_points", zero_points)]),
            _ => Err("bad quantizer of a tensor"),
        }
    }

    fn sparse(&self, layout: NodeId, data: NodeId) -> Result<Parts, &'static str> {
        let data = self
            .graph
            .tuple(data)
            .ok_or("bad data of a sparse tensor")?;
        let (compressed, plain) = match (self.layout(layout), data) {
            (Some(b"torch.sparse_coo"), &[indices, values, _, ..]) if data.len() <= 4 => {
                return Ok(smallvec![("indices", indices), ("values", values)]);
            }
            (Some(b"torch.sparse_csr" | b"torch.sparse_bsr"), _) => ("crow_indices", "col_indices"),
            (Some(b"torch.sparse_csc" | b"torch.sparse_bsc"), _) => ("ccol_indices", "row_indices"),
            _ => return Err("bad layout of a sparse tensor"),
        };
        match *data {
            [c, p, values, _] => Ok(smallvec![(compressed, c), (plain, p), ("values", values)]),
            _ => Err("bad data of a sparse tensor"),
        }
    }

    /// The layout that `torch.serialization._get_layout(name)` would be.
    fn layout(&self, id: NodeId) -> Option<&[u8]> {
        let Node::Object(object) = self.graph.node(id) else {
            return None;
        };
        if self.graph.global(object.callable)? != (b"torch.serialization", b"_get_layout") {
            return None;
        }
        match *self.graph.tuple(object.args)? {
            [name] => self.graph.str(name),
            _ => None,
        }
    }
}
