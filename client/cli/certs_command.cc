// hawser certs: an authority, certificates and tokens for a start.
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/command_line.h"
#include "client/cli/exit_code.h"
#include "common/files.h"
#include "common/security/certificate_authority.h"
#include "common/security/token_table.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

struct CertsFlags {
  std::string directory;
  std::vector<std::string> hosts;
  uint32_t days = 365;
};

constexpr int kAuthorityDays = 3650;
constexpr size_t kMaxFileBytes = 1 << 20;
constexpr absl::Duration kDay = absl::Hours(24);

// Each gets a directory with its certificate, and a token of its role. The
// scheduler calls nobody; its token is for whoever looks at it from beside it.
struct Holder {
  const char* name;
  Identity::Role role;
};
constexpr Holder kHolders[] = {{"scheduler", Identity::Role::kView},
                               {"server", Identity::Role::kServer},
                               {"worker", Identity::Role::kWorker},
                               {"client", Identity::Role::kAdmin}};

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

absl::StatusOr<std::string> ReadOrMakeKey(const std::string& path) {
  if (Exists(path)) return ReadWholeFile(path, kMaxFileBytes);
  ASSIGN_OR_RETURN(std::string key, MakePrivateKey());
  RETURN_IF_ERROR(WriteWholeFile(path, key));
  return key;
}

absl::StatusOr<std::unique_ptr<CertificateAuthority>> Authority(
    const std::string& directory, absl::Time now) {
  ASSIGN_OR_RETURN(const std::string key, ReadOrMakeKey(directory + "/ca.key"));
  const std::string path = directory + "/ca.crt";
  if (Exists(path)) {
    ASSIGN_OR_RETURN(const std::string pem, ReadWholeFile(path, kMaxFileBytes));
    return CertificateAuthority::Load(key, pem);
  }
  ASSIGN_OR_RETURN(auto authority,
                   CertificateAuthority::Make(key, now, kAuthorityDays * kDay));
  RETURN_IF_ERROR(WriteWholeFile(path, authority->certificate()));
  return authority;
}

absl::StatusOr<std::string> NewToken() {
  char bytes[32];
  if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
    return SystemError("get", "random bytes");
  }
  return absl::BytesToHexString(absl::string_view(bytes, sizeof(bytes)));
}

// The line of the tokens file; the token is made where there is none.
absl::StatusOr<std::string> TokenLine(const std::string& directory,
                                      const Holder& holder) {
  const std::string path = absl::StrCat(directory, "/", holder.name, "/token");
  std::string token;
  if (Exists(path)) {
    ASSIGN_OR_RETURN(token, ReadWholeFile(path, kMaxFileBytes));
    absl::StripAsciiWhitespace(&token);
  } else {
    ASSIGN_OR_RETURN(token, NewToken());
    RETURN_IF_ERROR(WriteWholeFile(path, token));
  }
  Sha256 hash;
  hash.Update(token.data(), token.size());
  return absl::StrCat(RoleName(holder.role), " ", holder.name, " ", hash.Hex(),
                      "\n");
}

std::vector<std::string> HostsOf(const CertsFlags& flags) {
  std::vector<std::string> hosts = {"localhost", "127.0.0.1", "::1"};
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) == 0 && name[0] != '\0') {
    hosts.push_back(name);
  }
  hosts.insert(hosts.end(), flags.hosts.begin(), flags.hosts.end());
  return hosts;
}

// Keys, the authority and tokens that are there stay as they are, so that
// daemons that run take the new certificates without a gap.
absl::Status MakeAll(const CertsFlags& flags, absl::Time now) {
  const std::string& directory = flags.directory;
  RETURN_IF_ERROR(MakeDirectories(directory));
  ASSIGN_OR_RETURN(const auto authority, Authority(directory, now));
  std::string tokens =
      "# ROLE NAME SHA256_OF_TOKEN [EXPIRY]; roles: view, submit, admin, "
      "worker, server\n";
  for (const Holder& holder : kHolders) {
    const std::string own = absl::StrCat(directory, "/", holder.name);
    RETURN_IF_ERROR(MakeDirectories(own));
    ASSIGN_OR_RETURN(const std::string key, ReadOrMakeKey(own + "/tls.key"));
    ASSIGN_OR_RETURN(const std::string certificate,
                     authority->Sign({absl::StrCat("hawser-", holder.name), key,
                                      HostsOf(flags)},
                                     now, flags.days * kDay));
    RETURN_IF_ERROR(WriteWholeFile(own + "/ca.crt", authority->certificate()));
    RETURN_IF_ERROR(WriteWholeFile(own + "/tls.crt", certificate));
    ASSIGN_OR_RETURN(const std::string line, TokenLine(directory, holder));
    absl::StrAppend(&tokens, line);
  }
  // Somebody may have added lines.
  if (Exists(directory + "/tokens")) return absl::OkStatus();
  return WriteWholeFile(directory + "/tokens", tokens);
}

int Certs(const CommandLine& line, const CertsFlags& flags) {
  umask(077);  // keys and tokens are nobody else's
  const absl::Status status = MakeAll(flags, absl::Now());
  if (!status.ok()) return Fail(status);
  const std::string directory =
      std::filesystem::absolute(flags.directory).lexically_normal().string();
  if (line.json()) {
    PrintJson({{"directory", directory}, {"days", flags.days}});
    return kDone;
  }
  Print(absl::StrCat(
      "authority, certificates for ", flags.days, " days and tokens in ",
      directory, "\n  hawser-scheduler --tls-dir ", directory,
      "/scheduler --tokens-file ", directory,
      "/tokens\n  hawser-server --tls-dir ", directory,
      "/server --tokens-file ", directory, "/tokens --token-file ", directory,
      "/server/token\n  hawser-worker --tls-dir ", directory,
      "/worker --token-file ", directory, "/worker/token\n  hawser --tls-dir ",
      directory, "/client --token-file ", directory, "/client/token jobs\n",
      "Keep ca.key where nobody else reads it.\n"));
  return kDone;
}

}  // namespace

void AddCertsCommand(CommandLine* line) {
  auto flags = std::make_shared<CertsFlags>();
  CLI::App* verb = line->app.add_subcommand(
      "certs",
      "make a certificate authority, certificates and tokens for a start; "
      "again on the same directory: new certificates, all else stays");
  verb->add_option("--to", flags->directory, "directory; created if missing")
      ->required();
  verb->add_option("--hosts", flags->hosts,
                   "names and addresses that the scheduler and servers are "
                   "called by, comma-separated, besides localhost and this "
                   "machine's name")
      ->delimiter(',');
  verb->add_option("--days", flags->days, "how long certificates hold")
      ->capture_default_str()
      ->check(CLI::Range(1, kAuthorityDays));
  verb->callback([line, flags] {
    line->verb = [line, flags] { return Certs(*line, *flags); };
  });
}

}  // namespace hawser
