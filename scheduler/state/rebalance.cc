#include "scheduler/state/rebalance.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace hawser {
namespace {

// What is placed as one: a layer's blocks, or one block.
struct Piece {
  uint64_t elements = 0;
  std::vector<size_t> blocks;
  std::optional<uint32_t> server;
};

class Balance {
 public:
  Balance(std::vector<Piece*> pieces, uint32_t servers)
      : pieces_(std::move(pieces)), load_(servers, 0), of_(servers) {
    std::stable_sort(pieces_.begin(), pieces_.end(),
                     [](const Piece* a, const Piece* b) {
                       return a->elements > b->elements;
                     });
    for (Piece* piece : pieces_) {
      if (piece->server.has_value()) Put(piece, *piece->server);
    }
    for (Piece* piece : pieces_) {
      if (!piece->server.has_value()) Put(piece, Least());
    }
  }

  void Even() {
    while (EvenOnce()) {
    }
  }

 private:
  uint32_t Least() const {
    return static_cast<uint32_t>(std::min_element(load_.begin(), load_.end()) -
                                 load_.begin());
  }

  void Put(Piece* piece, uint32_t server) {
    piece->server = server;
    load_[server] += piece->elements;
    of_[server].push_back(piece);
  }

  // Moves a piece from a full server to the emptiest one, so that the two are
  // more even: the one that makes them most so. False: there is none.
  bool EvenOnce() {
    const uint32_t to = Least();
    std::vector<uint32_t> fullest(load_.size());
    std::iota(fullest.begin(), fullest.end(), 0);
    std::stable_sort(
        fullest.begin(), fullest.end(),
        [&](uint32_t a, uint32_t b) { return load_[a] > load_[b]; });
    for (const uint32_t from : fullest) {
      const uint64_t apart = load_[from] - load_[to];
      Piece* best = nullptr;
      uint64_t best_apart = apart;
      for (Piece* piece : of_[from]) {
        const uint64_t twice = 2 * piece->elements;
        const uint64_t then = twice > apart ? twice - apart : apart - twice;
        if (then >= best_apart) continue;
        best = piece;
        best_apart = then;
      }
      if (best == nullptr) continue;
      std::erase(of_[from], best);
      load_[from] -= best->elements;
      Put(best, to);
      return true;
    }
    return false;
  }

  std::vector<Piece*> pieces_;
  std::vector<uint64_t> load_;           // elements, by server
  std::vector<std::vector<Piece*>> of_;  // by server
};

}  // namespace

std::vector<uint32_t> Rebalance(Placement policy,
                                const std::vector<Block>& blocks,
                                const std::vector<std::optional<uint32_t>>& now,
                                uint32_t servers) {
  std::map<uint32_t, Piece> by_key;
  for (size_t i = 0; i < blocks.size(); ++i) {
    Piece& piece =
        by_key[policy == BY_LAYER ? blocks[i].layer() : blocks[i].id()];
    piece.elements += blocks[i].elements();
    piece.blocks.push_back(i);
    piece.server = now[i];
  }
  std::vector<Piece*> pieces;
  for (auto& [key, piece] : by_key) pieces.push_back(&piece);
  Balance(std::move(pieces), servers).Even();
  std::vector<uint32_t> placed(blocks.size(), 0);
  for (const auto& [key, piece] : by_key) {
    for (const size_t i : piece.blocks) placed[i] = *piece.server;
  }
  return placed;
}

}  // namespace hawser
