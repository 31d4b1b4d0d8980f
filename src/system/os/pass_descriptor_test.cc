#include "system/os/pass_descriptor.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>

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

TEST(PassDescriptor, AnotherUserGetsNone) {
  if (::geteuid() != 0) GTEST_SKIP() << "to be another user needs root";
  std::string folder = "/tmp/slipway-descriptor-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  ASSERT_EQ(::chmod(folder.c_str(), 0755), 0);
  const std::string path = folder + "/fd";
  const auto [one, other] = pair_of_sockets();
  const auto server = DescriptorServer::start(path, one.get());
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0) << "so that the check alone is in the way";
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setresuid(65534, 65534, 65534) != 0) ::_exit(9);
    const auto copy = ask_for_descriptor(path, 2s);
    ::_exit(!copy && copy.error().code == Code::kUnavailable ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(ask_for_descriptor(path, 2s)) << "and the user is served afterwards";
  std::filesystem::remove_all(folder);
}

TEST(PassDescriptor, APathThatIsTooLongIsNamed) {
  const std::string path = "/tmp/" + std::string(103, 'x');
  EXPECT_NE(ask_for_descriptor(path, 2s).error().message.find("107 bytes"), std::string::npos);
  EXPECT_FALSE(DescriptorServer::start(path, 0));
}

}  // namespace
}  // namespace slipway::os
