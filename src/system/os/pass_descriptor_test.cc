#include "system/os/pass_descriptor.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace slipway::os {
namespace {

using namespace std::chrono_literals;

std::array<Descriptor, 2> pair_of_sockets() {
  std::array<int, 2> both{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both.data()), 0);
  return {Descriptor(both[0]), Descriptor(both[1])};
}

TEST(PassDescriptor, WhatComesIsTheSameOpenFile) {
  const auto [way_in, way_out] = pair_of_sockets();
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const Descriptor reader(pipe[0]);
  Descriptor writer(pipe[1]);
  ASSERT_TRUE(send_descriptor(way_in, writer.get()));
  writer.close();
  const auto other = receive_descriptor(way_out);
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ(::write(other->get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(reader.get(), &byte, 1), 1);
}

TEST(PassDescriptor, WhatIsNoDescriptorIsRefused) {
  const auto [way_in, way_out] = pair_of_sockets();
  EXPECT_EQ(::send(way_in.get(), "d", 1, 0), 1);
  EXPECT_EQ(receive_descriptor(way_out).error().code, Code::kInvalid);
}

TEST(PassDescriptor, AServerGivesCopiesUntilItEnds) {
  std::string folder = "/tmp/slipway-descriptor-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/fd";
  const auto [one, other] = pair_of_sockets();
  {
    const auto server = DescriptorServer::start(path, one.get());
    ASSERT_TRUE(server) << server.error().message;
    for (int i = 0; i < 3; ++i) {
      const auto copy = ask_for_descriptor(path, 2s);
      ASSERT_TRUE(copy) << copy.error().message;
      EXPECT_EQ(::send(copy->get(), "x", 1, 0), 1);
      char byte = 0;
      EXPECT_EQ(::recv(other.get(), &byte, 1, 0), 1);
    }
  }
  EXPECT_EQ(ask_for_descriptor(path, 2s).error().code, Code::kUnavailable);
  EXPECT_EQ(::rmdir(folder.c_str()), 0) << "the socket's file is gone with its server";
}

}  // namespace
}  // namespace slipway::os
