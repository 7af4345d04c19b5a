// hawser completion SHELL: a completion script, made from the verbs and flags
// themselves.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/command_line.h"
#include "client/cli/exit_code.h"

namespace hawser {
namespace {

std::vector<std::string> FlagsOf(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      flags.push_back("--" + name);
    }
  }
  return flags;
}

std::vector<const CLI::App*> VerbsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string BashScript(const CLI::App& app) {
  std::vector<std::string> verbs;
  std::string cases;
  for (const CLI::App* verb : VerbsOf(app)) {
    verbs.push_back(verb->get_name());
    absl::StrAppend(&cases, "    ", verb->get_name(), ") words=\"",
                    absl::StrJoin(FlagsOf(*verb), " "), "\" ;;\n");
  }
  return absl::StrCat(
      "_hawser() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} words=\"\"\n"
      "  case ${COMP_WORDS[1]} in\n",
      cases, "  esac\n  if [[ $COMP_CWORD -eq 1 ]]; then words=\"",
      absl::StrJoin(verbs, " "),
      "\"; fi\n  if [[ $word == -* ]]; then words=\"", "$words ",
      absl::StrJoin(FlagsOf(app), " "),
      "\"; fi\n  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
      "complete -o default -F _hawser hawser\n");
}

std::string FishScript(const CLI::App& app) {
  std::string script;
  for (const CLI::App* verb : VerbsOf(app)) {
    absl::StrAppend(&script, "complete -c hawser -n __fish_use_subcommand -a ",
                    verb->get_name(), " -d \"", verb->get_description(),
                    "\"\n");
    for (const CLI::Option* option : verb->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        absl::StrAppend(&script,
                        "complete -c hawser -n \"__fish_seen_subcommand_from ",
                        verb->get_name(), "\" -l ", name, "\n");
      }
    }
  }
  return script;
}

int Completion(const CommandLine& line, const std::string& shell) {
  if (shell == "bash") {
    Print(BashScript(line.app));
  } else if (shell == "zsh") {
    Print("autoload -U +X bashcompinit && bashcompinit\n" +
          BashScript(line.app));
  } else {
    Print(FishScript(line.app));
  }
  return kDone;
}

}  // namespace

void AddCompletionCommand(CommandLine* line) {
  auto shell = std::make_shared<std::string>();
  CLI::App* verb = line->app.add_subcommand(
      "completion", "print a completion script for your shell");
  verb->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->callback([line, shell] {
    line->verb = [line, shell] { return Completion(*line, *shell); };
  });
}

}  // namespace hawser
