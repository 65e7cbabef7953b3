package apiclient_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/vpsbot/vpsbot/apiclient"
)

func Example() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusPaymentRequired)
		_, _ = w.Write([]byte(`{"detail": "Not enough credits."}`))
	}))
	defer api.Close()
	client, err := apiclient.New(apiclient.Options{
		BaseURL: api.URL,
		Token:   func() (string, error) { return "vps_example", nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, _ := apiclient.ParseID("1")
	os, _ := apiclient.ParseID("5")
	_, err = client.Servers.Create(context.Background(), apiclient.CreateServer{
		Name: "web-01", PlanID: plan, OSID: os, Location: "us-west",
	})
	var apiErr *apiclient.Error
	if errors.As(err, &apiErr) {
		fmt.Println(apiErr.Kind, "/", apiErr.Message, "/", apiErr.Next())
	}
	// Output: payment_required / Not enough credits. / Add credits to the account in the VPS.org panel and try again.
}
