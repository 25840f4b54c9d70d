package importance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/transformer"
)

// largeDir names the variable that asks for the benchmarks of a model of 1.1 billion weights, and says where it may lie: 2.2 GB there, and
// 4 GB for a moment for its moments. The model stays for the next time.
const largeDir = "PARE_BENCH_LARGE"

// anonymous is the memory of this process beyond the page cache, in bytes: RssAnon of /proc/self/status. (VmHWM would count the pages of
// mapped files, which the system takes back when it needs them.)
func anonymous() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("RssAnon:")); ok {
			kB, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
			return kB << 10, err
		}
	}
	return 0, errors.New("/proc/self/status has no RssAnon")
}

// peak samples memory until it is stopped.
type peak struct {
	stop chan struct{}
	wg   sync.WaitGroup
	most int64
}

func watchMemory(b *testing.B) *peak {
	b.Helper()
	debug.FreeOSMemory()
	if _, err := anonymous(); err != nil {
		b.Skip(err)
	}
	p := &peak{stop: make(chan struct{})}
	p.wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			if now, err := anonymous(); err == nil {
				p.most = max(p.most, now)
			}
			select {
			case <-p.stop:
				return
			case <-tick.C:
			}
		}
	})
	return p
}

func (p *peak) bytes() int64 {
	close(p.stop)
	p.wg.Wait()
	return p.most
}

// cpuTime is the processor time of this process, which other programs on the machine disturb less than the time on the wall.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func largeConfig(layers int) *transformer.Config {
	c, err := transformer.ParseConfig(fmt.Appendf(nil, `{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 32000,
		"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": %d, "num_attention_heads": 32, "num_key_value_heads": 4,
		"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "tie_word_embeddings": false}`, layers))
	if err != nil {
		panic(err)
	}
	return c
}

func largeModel(b *testing.B, layers int) *transformer.Model {
	b.Helper()
	root := os.Getenv(largeDir)
	if root == "" {
		b.Skipf("set %s to a directory with 7 GB of room to run this", largeDir)
	}
	dir := filepath.Join(root, fmt.Sprintf("tinyllama-%d", layers))
	m, err := transformer.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err = transformer.SaveInit(b.Context(), dir, largeConfig(layers), 1, "BF16", nil, transformer.SaveOptions{}); err == nil {
			m, err = transformer.Open(dir)
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { m.Close() })
	return m
}

// passes are what a model of any size must be open to within the memory bound of the design.
var passes = []struct {
	name string
	run  func(ctx context.Context, m *transformer.Model, sequences [][]int32) error
}{
	{"eval", func(ctx context.Context, m *transformer.Model, sequences [][]int32) error {
		_, err := m.Dense().Losses(ctx, sequences, transformer.RunOptions{})
		return err
	}},
	{"calibrate", func(ctx context.Context, m *transformer.Model, sequences [][]int32) error {
		path := filepath.Join(os.Getenv(largeDir), "moments")
		defer os.Remove(path)
		_, err := covariance.Collect(ctx, m.Dense(), sequences, covariance.Options{File: path})
		return err
	}},
	{"fisher", func(ctx context.Context, m *transformer.Model, sequences [][]int32) error {
		_, err := Collect(ctx, m, sequences, Options{})
		return err
	}},
	{"taylor", func(ctx context.Context, m *transformer.Model, sequences [][]int32) error {
		_, err := Taylor(ctx, m.Dense(), sequences, Options{})
		return err
	}},
}

// mostMemory is the design's bound on what a pass over a model of 1.1 billion weights may take beyond the page cache.
const mostMemory = 3 << 30

// BenchmarkLarge runs 8 sequences of 256 tokens through a LLaMA of TinyLlama's shape (1.1 billion weights in bf16, at random), and through its first layers
// alone, and reports the peak of memory, processor time and tokens per second. More than 3 GB are a failure. It takes minutes.
//
// Measured on two busy cores with AVX-512 (PARE_BENCH_LARGE=DIR go test ./gomlxops/importance -run - -bench Large -benchtime 1x), so that only
// memory and processor time mean something:
//
//	layers      1      2      4      22
//	eval        833   1,001  1,018  1,105 MB    7.3   9.2  15.8   66 s
//	calibrate                       1,040 MB                     103 s
//	taylor    1,189   1,436  1,585  2,129 MB   18.6  31.4  56.9  319 s
func BenchmarkLarge(b *testing.B) {
	for _, layers := range []int{1, 2, 4, 22} {
		for _, pass := range passes {
			b.Run(fmt.Sprintf("%s/%d", pass.name, layers), func(b *testing.B) {
				m := largeModel(b, layers)
				if _, err := m.Digest(); err != nil { // reads the whole file, once
					b.Fatal(err)
				}
				rng := rand.New(rand.NewPCG(1, 2))
				sequences := make([][]int32, 8)
				for i := range sequences {
					sequences[i] = make([]int32, 256)
					for t := range sequences[i] {
						sequences[i][t] = int32(rng.IntN(32000))
					}
				}
				memory, cpu := watchMemory(b), cpuTime()
				for b.Loop() {
					if err := pass.run(b.Context(), m, sequences); err != nil {
						b.Fatal(err)
					}
				}
				most := memory.bytes()
				b.ReportMetric(float64(most)/1e6, "peak-MB")
				b.ReportMetric((cpuTime()-cpu).Seconds()/float64(b.N), "cpu-s/op")
				b.ReportMetric(float64(8*256)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
				if most > mostMemory {
					b.Errorf("%d layers: %d MB beyond the page cache, at most %d MB are allowed", layers, most>>20, mostMemory>>20)
				}
			})
		}
	}
}
