/* A service of names that knows one host. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <string.h>

enum nss_status _nss_shop_gethostbyname4_r(const char *name, struct gaih_addrtuple **found, char *room, size_t size, int *error,
                                           int *host_error, int *ttl) {
    if (strcmp(name, "shop.example") != 0) {
        *error = ENOENT;
        *host_error = HOST_NOT_FOUND;
        return NSS_STATUS_NOTFOUND;
    }
    if (*found == NULL) {
        *found = (struct gaih_addrtuple *)room;
    }
    **found = (struct gaih_addrtuple){.name = (char *)name, .family = AF_INET, .addr = {htonl(INADDR_LOOPBACK)}};
    return NSS_STATUS_SUCCESS;
}
