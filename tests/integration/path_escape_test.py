"""No field of a job file that names a file leads out of the roots."""

import os
import shutil
import threading

from tests.integration import harness

GPT = """name: "{name}"
model {{ gpt {{ vocabulary: 256 context: 16 layers: 1 heads: 2 width: 16 }} }}
data {{ {data} }}
optimizer {{ sgd {{}} }}
learning_rate {{ base: 0.1 }}
schedule {{ steps: 2 global_batch: 4 micro_batches: 2 }}
{more}
"""
SECRET = "the-secret-outside "


class PathEscapeTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        self.root = f"{self.directory}/root"
        self.output = f"{self.directory}/output"
        self.outside = f"{self.directory}/outside"
        os.makedirs(self.root)
        os.makedirs(self.output)
        shutil.copytree(self.data, f"{self.root}/data")
        shutil.copytree(self.data, f"{self.outside}/data")
        self.text = self.write("root/text.txt", "to and fro. " * 200)
        with open(f"{self.root}/tokens.bin", "wb") as file:
            file.write(bytes(2000))  # 1,000 times the token 0
        for name in ("file", "users/ann.txt"):
            os.makedirs(f"{self.outside}/users", exist_ok=True)
            self.write(f"outside/{name}", SECRET * 200)
        for root in (self.root, self.output):
            os.symlink(self.outside, f"{root}/absolute")
            os.symlink("../outside", f"{root}/relative")
        os.symlink("../outside/file", f"{self.root}/file")
        self.number = 0
        self.kept = self.everything_outside()

    def everything_outside(self):
        return sorted((folder, sorted(folders), sorted(files))
                      for folder, folders, files in os.walk(self.outside))

    # Every way out that leads to `target`, a path below the outside.
    def ways(self, target):
        return (f"../outside/{target}", f"x/../../outside/{target}",
                f"{self.outside}/{target}", f"absolute/{target}",
                f"relative/{target}", f"{self.root}/absolute/{target}",
                f"/proc/self/root{self.outside}/{target}",
                f"/proc/self/cwd/outside/{target}")

    def refuse(self, text):
        self.number += 1
        name = f"job-{self.number}"
        path = self.write(f"{name}.textproto", text.replace("NAME", name))
        process = self.start("submit", path, "--watch")
        out, err = process.communicate(timeout=2 * harness.DEADLINE)
        said = out + err
        # Refused at once (2), or a job that has failed (1).
        self.assertIn(process.returncode, (1, 2), f"{text}\n{said}")
        self.assertNotIn(SECRET, said)
        self.assertRegex(said, "leads out of|must not contain|job name|"
                         "must be the name|is not a path|has letters|"
                         "No such file|must be a|must be 1 to 63", text)
        self.assertEqual(self.everything_outside(), self.kept)

    def gpt(self, data=None, more=""):
        return GPT.format(name="NAME", more=more, data=data or
                          f'text {{ files: "text.txt" }}')

    def mlp(self, data):
        with open(self.job(workers=1), encoding="utf-8") as file:
            text = file.read().replace('"small"', '"NAME"')
        return text.replace(f'directory: "{self.data}"', data)

    def test_every_field(self):
        with self.cluster(1, 1, "--data-root", self.root, "--output-root",
                          self.output):
            for way in self.ways("data"):
                self.refuse(self.mlp(f'directory: "{way}"'))
            for way in self.ways("file"):
                self.refuse(self.mlp(f'directory: "data" train_images: "{way}"'))
                self.refuse(self.gpt(f'text {{ files: "{way}" }}'))
                self.refuse(self.gpt(f'tokens {{ train: "{way}" }}'))
            self.refuse(self.gpt('text { files: "file" }'))
            for way in self.ways("file")[2:5]:
                self.refuse(self.gpt(
                    f'text {{ files: "text.txt" validation_files: "{way}" }}'))
                self.refuse(self.gpt(
                    'tokens { train: "tokens.bin" validation: "%s" }' % way))
                for kind in ('tokenizer_json: "%s"', 'sentencepiece: "%s"',
                             'vocab_merges { vocab: "%s" merges: "text.txt" }',
                             'vocab_merges { vocab: "text.txt" merges: "%s" }'):
                    self.refuse(self.gpt('text { files: "text.txt" tokenizer '
                                         '{ %s } }' % (kind % way)))
            for way in self.ways("users"):
                self.refuse(self.gpt(more=f'from {{ model: "{way}" }}'))
                self.refuse(self.gpt(more=f'from {{ checkpoint: "{way}" }}'))
            for way in self.ways("new")[:5]:
                self.refuse(self.gpt(
                    more=f'checkpoint {{ directory: "{way}" }}'))
            for name in ("../outside/new", "/tmp/new", "a/b", ".", ".."):
                self.refuse(self.gpt().replace("NAME", name))
        self.assert_nothing_left()

    def test_a_link_that_is_exchanged_all_the_time(self):
        """Data and output, each either inside or nowhere."""
        os.symlink("../outside", f"{self.root}/swap")
        over = threading.Event()

        def exchange(root, real):
            link, other = f"{root}/swapped", f"{root}/swapping"
            while not over.is_set():
                for target in (real, "../outside"):
                    os.symlink(target, other)
                    os.rename(other, link)

        os.makedirs(f"{self.output}/real")
        shutil.copy(self.text, f"{self.root}/data/file")
        threads = [threading.Thread(target=exchange, args=arguments)
                   for arguments in ((self.root, "data"),
                                     (self.output, "real"))]
        for thread in threads:
            thread.start()
        ended = []
        try:
            with self.cluster(1, 1, "--data-root", self.root, "--output-root",
                              self.output):
                for i in range(5):
                    path = self.write(f"race-{i}.textproto", self.gpt(
                        'text { files: "swapped/file" }',
                        'checkpoint { directory: "swapped" } '
                        'limits { max_seconds: 2 }').replace("NAME",
                                                             f"race-{i}"))
                    process = self.start("submit", path, "--watch")
                    said = "".join(process.communicate(
                        timeout=2 * harness.DEADLINE))
                    ended.append(process.returncode)
                    self.assertNotIn(SECRET, said)
                    self.assertEqual(self.everything_outside(), self.kept)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertLessEqual(set(ended), {0, 1})
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
