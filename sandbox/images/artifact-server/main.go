// Serves the files below /srv on port 8080 and writes a line per request to stdout.
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(content []byte) (int, error) {
	written, err := r.ResponseWriter.Write(content)
	r.bytes += int64(written)
	return written, err
}

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		os.Exit(0)
	}()

	files := http.FileServer(http.Dir("/srv"))
	handler := http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		started := time.Now()
		recorded := &recorder{ResponseWriter: w, status: http.StatusOK}
		files.ServeHTTP(recorded, request)
		fmt.Printf("%s %s %s %s %d %d bytes %d ms\n", started.UTC().Format(time.RFC3339), request.RemoteAddr,
			request.Method, request.URL.Path, recorded.status, recorded.bytes, time.Since(started).Milliseconds())
	})
	server := &http.Server{Addr: ":8080", Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	fmt.Println("serving /srv on port 8080")
	if err := server.ListenAndServe(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
