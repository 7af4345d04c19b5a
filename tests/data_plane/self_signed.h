// A certificate that "localhost" signed for itself, and its key: for tests of
// TLS on loopback. It is public and protects nothing.
#ifndef HAWSER_TESTS_DATA_PLANE_SELF_SIGNED_H_
#define HAWSER_TESTS_DATA_PLANE_SELF_SIGNED_H_

namespace hawser {

inline constexpr char kSelfSignedKey[] =
    R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsdjOwb5Qi/YkUDM0
VJr2jIlK1Raekkya4uPY6vsSuAChRANCAAQk6mkKRg8MJwRhvH+Oz4oWGmEAmX1e
osBpnQSrpjpyVMW/qtPxp4nayxkJHsmBjBKtbYw96Jq2VvgYt5x9h8Cp
-----END PRIVATE KEY-----
)";

inline constexpr char kSelfSignedCertificate[] =
    R"(-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUeTFdQ/tR8fgeDC8y0uX6J1zXwy8wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDE4NDI0MloYDzIxMjYxMDMx
MTg0MjQyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQk6mkKRg8MJwRhvH+Oz4oWGmEAmX1eosBpnQSrpjpyVMW/qtPxp4na
yxkJHsmBjBKtbYw96Jq2VvgYt5x9h8Cpo28wbTAdBgNVHQ4EFgQUOTrtNzGekT7E
zXTEsAzlhnafkAswHwYDVR0jBBgwFoAUOTrtNzGekT7EzXTEsAzlhnafkAswDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAIaFsF7s1nn4mc87xkAxcOL8/oM0LZvcKFpbNTweUWknAiEA
oEaMeuZsHbVbCy/5WeocIZzeMC/pdwJEeg8qkPloJd8=
-----END CERTIFICATE-----
)";

}  // namespace hawser

#endif  // HAWSER_TESTS_DATA_PLANE_SELF_SIGNED_H_
