// The other side of Gatehouse's SSH transport, by golang.org/x/crypto: it has the key exchange that OpenSSH has only from 9.9 on.
//
//	transport client KEX ADDRESS   sends 4 MB through `cat` and prints `same` if they come back as they were
//	transport server KEX           prints its address; what a client sends on a channel comes back
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"golang.org/x/crypto/ssh"
)

func main() {
	config := ssh.Config{KeyExchanges: []string{os.Args[2]}, RekeyThreshold: 1_000_000}
	var err error
	if os.Args[1] == "client" {
		err = client(config, os.Args[3])
	} else {
		err = server(config)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func client(config ssh.Config, address string) error {
	connection, err := ssh.Dial("tcp", address, &ssh.ClientConfig{
		Config:          config,
		User:            "someone",
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), // Which key the server has is not what is tried here.
	})
	if err != nil {
		return err
	}
	defer connection.Close()
	session, err := connection.NewSession()
	if err != nil {
		return err
	}
	sent := bytes.Repeat([]byte("gatehouse "), 400_000)
	session.Stdin = bytes.NewReader(sent)
	back, err := session.Output("cat")
	if err != nil {
		return err
	}
	if !bytes.Equal(sent, back) {
		return fmt.Errorf("%d bytes came back, and not the ones that were sent", len(back))
	}
	fmt.Println("same")
	return nil
}

func server(config ssh.Config) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return err
	}
	terms := &ssh.ServerConfig{Config: config, NoClientAuth: true}
	terms.AddHostKey(signer)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	socket, err := listener.Accept()
	if err != nil {
		return err
	}
	connection, channels, requests, err := ssh.NewServerConn(socket, terms)
	if err != nil {
		return err
	}
	go ssh.DiscardRequests(requests)
	for opening := range channels {
		channel, asked, err := opening.Accept()
		if err != nil {
			return err
		}
		go func() {
			for request := range asked {
				_ = request.Reply(true, nil)
			}
		}()
		go func() {
			_, _ = io.Copy(channel, channel)
			_ = channel.Close()
		}()
	}
	_ = connection.Wait()
	return nil
}
