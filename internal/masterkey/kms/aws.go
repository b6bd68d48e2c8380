package kms

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const awsPrefix = "aws-kms://"

// AWS is AWS KMS: "aws-kms://arn:aws:kms:REGION:ACCOUNT:key/ID", as Tink writes
// it. Credentials are found as the AWS SDKs find them; AWS_ENDPOINT_URL_KMS names
// another endpoint. They need kms:Encrypt and kms:Decrypt on the key.
type AWS struct{}

// Supported implements registry.KMSClient.
func (AWS) Supported(uri string) bool { return strings.HasPrefix(uri, awsPrefix) }

// GetAEAD implements registry.KMSClient.
func (AWS) GetAEAD(uri string) (tink.AEAD, error) {
	key := strings.TrimPrefix(uri, awsPrefix)
	parsed, err := arn.Parse(key)
	if err != nil || parsed.Service != "kms" || parsed.Region == "" || !strings.HasPrefix(parsed.Resource, "key/") && !strings.HasPrefix(parsed.Resource, "alias/") {
		return nil, errors.New("kms: name the key by its ARN, aws-kms://arn:aws:kms:REGION:ACCOUNT:key/ID")
	}
	return &awsKey{arn: key, region: parsed.Region}, nil
}

type awsKey struct{ arn, region string }

// encryptionContext is how Tink gives the associated data to AWS KMS, which
// authenticates it.
func encryptionContext(associated []byte) map[string]string {
	return map[string]string{"associatedData": hex.EncodeToString(associated)}
}

func (k *awsKey) client(ctx context.Context) (*kms.Client, error) {
	c, err := config.LoadDefaultConfig(ctx, config.WithRegion(k.region))
	if err != nil {
		return nil, fmt.Errorf("kms: read the settings of AWS: %w", err)
	}
	return kms.NewFromConfig(c), nil
}

// Encrypt implements tink.AEAD.
func (k *awsKey) Encrypt(plain, associated []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client, err := k.client(ctx)
	if err != nil {
		return nil, err
	}
	out, err := client.Encrypt(ctx, &kms.EncryptInput{KeyId: aws.String(k.arn), Plaintext: plain, EncryptionContext: encryptionContext(associated)})
	if err != nil {
		return nil, fmt.Errorf("kms: %w", err)
	}
	return out.CiphertextBlob, nil
}

// Decrypt implements tink.AEAD. The key is named, so that nothing that another key
// encrypted is taken.
func (k *awsKey) Decrypt(encrypted, associated []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client, err := k.client(ctx)
	if err != nil {
		return nil, err
	}
	out, err := client.Decrypt(ctx, &kms.DecryptInput{KeyId: aws.String(k.arn), CiphertextBlob: encrypted, EncryptionContext: encryptionContext(associated)})
	if err != nil {
		return nil, fmt.Errorf("kms: %w", err)
	}
	return out.Plaintext, nil
}
