#include "server/shard_metrics.h"

namespace hawser {

void CollectShardMetrics(const ParameterShard& shard,
                         MetricFamilies* families) {
  const BlockMeters& meters = shard.meters();
  const MetricFamilies::Labels job = {{"job_name", shard.job_name()}};
  families->Gauge("hawser_server_blocks", "Blocks that are held.",
                  static_cast<double>(meters.blocks.value()), job);
  families->Gauge("hawser_server_parameters",
                  "Elements of the parameter vector that are held.",
                  static_cast<double>(meters.elements.value()), job);
  families->Gauge("hawser_server_step",
                  "Steps that are made in every block held here.",
                  static_cast<double>(shard.completed_steps()), job);
  families->Gauge("hawser_server_waiting_reads",
                  "Reads that wait for a version, for slower workers or for a "
                  "phase.",
                  static_cast<double>(meters.waiting_reads.value()), job);
  families->Gauge("hawser_server_waiting_workers",
                  "Workers that wait for work: all is leased, or there is more "
                  "only beyond a checkpoint.",
                  static_cast<double>(shard.waiting_workers()), job);
  families->Counter("hawser_server_counted_pushes_total",
                    "Pushes of a block that were counted.",
                    static_cast<double>(meters.counted_pushes.value()), job);
  families->Counter("hawser_server_repeated_pushes_total",
                    "Pushes of a block that had been counted before.",
                    static_cast<double>(meters.repeated_pushes.value()), job);
  families->Counter("hawser_server_push_bytes_total",
                    "Bytes of pushes, by the job's codec, repeats included.",
                    static_cast<double>(meters.pushed_bytes.value()), job);
  families->Counter("hawser_server_answered_reads_total",
                    "Reads of a block that were answered.",
                    static_cast<double>(meters.answered_reads.value()), job);
  families->Counter("hawser_server_pull_bytes_total",
                    "Bytes of answers to reads, by the job's codec.",
                    static_cast<double>(meters.answered_bytes.value()), job);
  families->Histogram("hawser_server_read_staleness_clocks",
                      "How far the slowest worker was behind the one that a "
                      "read was served to, where pushes are applied on "
                      "arrival.",
                      meters.read_staleness.Counts(), job);
  families->Histogram("hawser_server_push_lag_updates",
                      "Updates of a block between the read that a push was "
                      "computed with and the push, where pushes are applied "
                      "on arrival.",
                      meters.push_lag.Counts(), job);
}

}  // namespace hawser
