#include "values/json/writer.h"
#include "values/protocol/oip.h"

namespace slipway::protocol {
namespace {

using json::Writer;
using tensor::Tensor;

void write_data(Writer& out, const Tensor& tensor) {
  tensor::with_type(tensor.type, [&]<class T>() {
    out.begin_array();
    for (const T& value : tensor.values<T>()) {
      if constexpr (std::is_same_v<T, tensor::Half>)
        out.value(tensor::widen(value));
      else
        out.value(value);
    }
    out.end_array();
  });
}

void write_specs(Writer& out, std::span<const tensor::TensorSpec> specs) {
  out.begin_array();
  for (const tensor::TensorSpec& spec : specs)
    out.object([&](Writer& w) {
      w.key("name").value(spec.name).key("datatype").value(name(spec.type));
      w.key("shape").array(spec.shape.dims());
      if (spec.features.empty()) return;
      w.key("parameters").object([&](Writer& p) { p.key("features").array(std::span(spec.features)); });
    });
  out.end_array();
}

}  // namespace

void append_oip_answer(const OipAnswer& answer, std::string& out) {
  Writer(out).object([&](Writer& w) {
    w.key("model_name")
        .value(answer.model)
        .key("model_version")
        .value(answer.version)
        .key("id")
        .value(answer.id);
    // KServe's client drops model_version, so the revision stands here too.
    w.key("parameters").object([&](Writer& p) { p.key("slipway_revision").value(answer.revision); });
    w.key("outputs").begin_array();
    for (const tensor::NamedTensor& output : answer.outputs)
      w.object([&](Writer& o) {
        o.key("name").value(output.name).key("datatype").value(name(output.tensor.type));
        o.key("shape").array(output.tensor.shape.dims()).key("data");
        write_data(o, output.tensor);
      });
    w.end_array();
  });
}

void append_oip_server_metadata(std::string_view version, std::string& out) {
  Writer(out).object([&](Writer& w) {
    w.key("name").value("slipway").key("version").value(version);
    w.key("extensions").begin_array().end_array();
  });
}

void append_oip_metadata(const OipMetadata& metadata, std::string& out) {
  Writer(out).object([&](Writer& w) {
    w.key("name")
        .value(metadata.model)
        .key("versions")
        .array(metadata.versions)
        .key("platform")
        .value(metadata.platform);
    w.key("inputs");
    write_specs(w, metadata.signature.inputs);
    w.key("outputs");
    write_specs(w, metadata.signature.outputs);
    w.key("parameters").object([&](Writer& p) {
      p.key("slipway_revision").value(metadata.revision).key("slipway_digest").value(metadata.digest);
    });
  });
}

}  // namespace slipway::protocol
