//! Builders of bytes: for the tests here, the unit tests and the fuzz targets.
#![allow(dead_code, reason = "each of them uses a part")]

pub mod leveldb;
pub mod protobuf;
