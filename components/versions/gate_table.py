"""The feature gates of kubelet and kube-proxy from 1.10 to 1.37: facts alone, read by `gates.py`, which says how.

Each word is a gate and the minors that changed its stage: `NodeSwap:22a,28b,30B,34G!` came as alpha with 1.22, was beta
from 1.28 on, on by default from 1.30, and is generally available and locked from 1.34 on. `a` alpha, `b` beta, `g`
generally available, `d` deprecated; a capital is on by default, `!` locked to that, `-` gone. A minor is here as one of
its patches, for a supported one a late patch. `NEEDS` has a word for each gate that does not work without another, with
the minors in which that is so: `ImageVolumeWithDigest>ImageVolume:36` from 1.36 on,
`GangScheduling>GenericWorkload:35-36` up to 1.36. Read from the published sources; a test compares, and asks the
programs.
"""

TABLE = """
    APIListChunking:10B,29G!,33- APIPriorityAndFairness:17a,20B,29G!,31- APIResponseCompression:10a,16B
    APISelfSubjectReview:26a,27B,28G!,30- APIServerIdentity:20a,26B APIServerTracing:22a,27B,34G!,37-
    APIServerWebhookAuthenticationToken:37a APIServingWithRoutine:30a Accelerators:10a,11-
    AdmissionWebhookMatchConditions:27a,28B,30G!,33- AdvancedAuditing:10B,12G,27G!,28-
    AggregatedDiscoveryEndpoint:26a,27B,30G!,33- AggregatedDiscoveryRemoveBetaType:33D,35D! AllAlpha:10a
    AllBeta:17b AllowDNSOnlyNodeCSR:31d AllowInsecureBackendProxy:17B,21G!,23-
    AllowInsecureKubeletCertificateSigningRequests:31d AllowOverwriteTerminationGracePeriodSeconds:32d,35d!
    AllowParsingUserUIDFromCertAuth:33B AllowServiceExternalIPs:36G AllowServiceLBStatusOnNonLB:29d,32d!,35-
    AllowUnsafeMalformedObjectDeletion:32a,37B AnonymousAuthConfigurableEndpoints:31a,32B,34G!,37-
    AnyVolumeDataSource:18a,24B,33G!,37- AppArmor:10B,31G!,33- AppArmorFields:30B,31G!,33- AtomicFIFO:36B
    AtomicWriteVolumeUserFields:37a AttachVolumeLimit:11a,12b,13B,17G!,21-
    AuthorizeNodeWithSelectors:31a,32B,34G!,37- AuthorizePodWebsocketUpgradeCreatePermission:35B
    AuthorizeWithSelectors:31a,32B,34G!,37- BalanceAttachedNodeVolumes:11a,22- BlockVolume:10a,13B,18G!,21-
    BoundServiceAccountTokenVolume:13a,21B,22G!,23- BtreeWatchCache:32B,33G!,37- CBORServingAndStorage:32a
    CPUManager:10B,26G!,33- CPUManagerPolicyAlphaOptions:23a CPUManagerPolicyBetaOptions:23B
    CPUManagerPolicyOptions:22a,23B,33G! CRDObservedGenerationTracking:35b,36B
    CRDValidationRatcheting:28a,30B,33G! CRIContainerLogRotation:10a,11B,21G!,22- CRIListStreaming:36a
    CSIBlockVolume:11a,14B,18G!,21- CSIDriverRegistry:12a,14B,18G!,21- CSIInlineVolume:14a,16B,25G!,27-
    CSIMigration:14a,17B,25G!,27- CSIMigrationAWS:14a,17b,23B,25G!,27- CSIMigrationAWSComplete:17a,21-
    CSIMigrationAzureDisk:15a,19b,23B,24G,25G!,27- CSIMigrationAzureDiskComplete:17a,21-
    CSIMigrationAzureFile:15a,21b,24B,26G,27G!,30- CSIMigrationAzureFileComplete:17a,21-
    CSIMigrationGCE:14a,17b,23B,25G!,28- CSIMigrationGCEComplete:17a,21-
    CSIMigrationOpenStack:14a,18b,21B,24G!,26- CSIMigrationOpenStackComplete:17a,21-
    CSIMigrationPortworx:23a,25b,31B,33G!,36- CSIMigrationRBD:24a,28d,31-
    CSIMigrationvSphere:19b,25B,26G!,29- CSIMigrationvSphereComplete:19b,22-
    CSINodeExpandSecret:25a,27B,29G!,31- CSINodeInfo:12a,14B,17G!,21- CSIPersistentVolume:10B,13G,14G!,16-
    CSIServiceAccountToken:20a,21B,22G!,25- CSIServiceAccountTokenSecrets:35B,36G!
    CSIStorageCapacity:19a,21B,24G!,28- CSIVolumeFSGroupPolicy:19a,20B,23G!,25- CSIVolumeHealth:21a
    CSRDuration:22B,24G!,26- ChangeContainerStatusOnKubeletRestart:35d
    ClearingNominatedNodeNameAfterBinding:34a,35B ClientsAllowCARotation:36B ClientsAllowCBOR:32a
    ClientsAllowTLSCacheGC:36B ClientsPreferCBOR:32a
    CloudControllerManagerWatchBasedRoutesReconciliation:35a CloudControllerManagerWebhook:27a
    CloudDualStackNodeIPs:27a,29B,30G!,32- ClusterTrustBundle:27a,33b,37G
    ClusterTrustBundleProjection:29a,33b,37G ComponentFlagz:32a,36B ComponentSLIs:26a,27B,32G!,35-
    ComponentStatusz:32a,36B CompositePodGroup:37a ConcurrentWatchObjectDecode:31b,37B
    ConfigurableFSGroupPolicy:18a,20B,23G!,25- ConsistentHTTPGetHandlers:26G,30G!,31-
    ConsistentListFromCache:28a,31B,34G!,37- ConsistentListFromCacheSkipTimeoutFallback:37a
    ConstrainedImpersonation:35a,36B ContainerCheckpoint:25a,30B ContainerRestartRules:34a,35B
    ContainerStopSignals:33a ContextualLogging:24a,30B ControllerManagerLeaderMigration:21a,22B,24G!,28-
    ControllerManagerReleaseLeaderElectionLockOnExit:36a CoordinatedLeaderElection:31a,33b
    CronJobControllerV2:20a,21B,22G!,23- CronJobTimeZone:24a,25B,27G!,29-
    CronJobsScheduledAnnotation:28B,32G!,35- CrossNamespaceVolumeDataSource:26a
    CustomCPUCFSQuotaPeriod:12a,36G CustomPodDNS:10B,14G!,16- CustomResourceDefaulting:15a,16B,17G!,18-
    CustomResourceFieldSelectors:30a,31B,32G! CustomResourcePublishOpenAPI:14a,15B,16G!,18-
    CustomResourceSubresources:10a,11B,16G!,18- CustomResourceValidation:10B,16G!,18-
    CustomResourceValidationExpressions:23a,25B,29G!,31- CustomResourceWebhookConversion:13a,15B,16G!,18-
    DRAAdminAccess:32a,34B,36G! DRAConsumableCapacity:34a,36B DRAControlPlaneController:31a,32-
    DRADerivedAttributes:37a DRADeviceBindingConditions:34a,36B DRADeviceCompatibilityGroups:37a
    DRADeviceTaintRules:35a,36b,37G DRADeviceTaints:33a,36B,37G DRAExtendedResource:34a,36B,37G!
    DRAFractionalCapacityRange:37b DRAListTypeAttributes:36a DRANodeAllocatableResources:36a
    DRAOptionalNodeOperations:37a DRAPartitionableDevices:33a,36B DRAPartitionableDevicesType:37a
    DRAPrioritizedList:33a,34B,36G,37G! DRAResourceClaimDeviceStatus:32a,33B,37G!
    DRAResourceClaimGranularStatusAuthorization:36B DRAResourcePoolStatus:36a DRASchedulerFilterTimeout:34B
    DRAWorkloadResourceClaims:36a,37b DaemonSetUpdateSurge:21a,22B,25G!,27- DebugContainers:10a,16-
    DeclarativeValidation:33B,36G! DeclarativeValidationBeta:36B DeclarativeValidationTakeover:33b,36d,37d!
    DefaultHostNetworkHostPortsInPodTemplates:28d,31- DefaultIngressClass:18B,19G!,20- DefaultPodSysctls:37a
    DefaultPodTopologySpread:19a,20B,24G!,26- DelegateFSGroupToCSIDriver:22a,23B,26G!,28-
    DeploymentReplicaSetTerminatingReplicas:33a,35B DetectCacheInconsistency:34B
    DevicePluginCDIDevices:28a,29B,31G!,34- DevicePlugins:10B,26G!,28-
    DisableAcceleratorUsageMetrics:19a,20B,25G!,28- DisableAllocatorDualWrite:31a,33b,34G,35G!
    DisableCPUQuotaWithExclusiveCPUs:33B,36D,37D! DisableCloudProviders:22a,29B,31G!,33-
    DisableKubeletCloudCredentialProviders:23a,29B,31G!,33- DisableNodeKubeProxyVersion:29a,31d,33D,36D!
    DownwardAPIHugePages:20a,21b,23B,27G!,29- DryRun:12a,13B,19G,26G!,28- DynamicAuditing:13a,19-
    DynamicKubeletConfig:10a,11B,22d,26- DynamicProvisioningScheduling:11a,12-
    DynamicResourceAllocation:26a,32b,34G,35G! EfficientWatchResumption:20a,21B,24G!,33-
    ElasticIndexedJob:27B,31G!,34- EmptyDirVolumeMode:37a EnableAggregatedDiscoveryTimeout:16D,17-
    EnableEquivalenceClassCache:10a,14- EndpointSlice:16a,17b,18B,21G!,25-
    EndpointSliceNodeName:20a,21G!,25- EndpointSliceProxying:18a,19B,22G!,25-
    EndpointSliceTerminatingCondition:20a,22B,26G!,28- EnvFiles:34a,35B EphemeralContainers:16a,23B,25G!,27-
    EtcdRangeStream:37B EvenPodsSpread:16a,18B,19G!,21- EventedPLEG:26a,27b,29a EvictionRequestAPI:37a
    ExcludeAdmissionWebhookVirtualResources:37B ExecProbeTimeout:20G,35G! ExpandCSIVolumes:14a,16B,24G,27-
    ExpandInUsePersistentVolumes:11a,15B,24G,27- ExpandPersistentVolumes:10a,11B,24G,27-
    ExpandedDNSConfig:22a,26B,28G!,30- ExperimentalCriticalPodAnnotation:10a,16-
    ExperimentalHostUserNamespaceDefaulting:10b,28d!,30- ExtendWebSocketsToKubelet:36B
    ExternalPolicyForExternalIP:18g,19G,20G!,22- ExternalServiceAccountTokenSigner:32a,34B,36G!
    GCERegionalPersistentDisk:10B,13G,15G!,17- GRPCContainerProbe:23a,24B,27G!,29- GRPCContainerProbeTLS:37a
    GangScheduling:35a,37- GenericEphemeralVolume:19a,21B,23G!,25- GenericWorkload:35a,37b
    GitRepoVolumeDriver:33d,36d! GracefulNodeShutdown:20a,21B GracefulNodeShutdownBasedOnPodPriority:23a,24B
    H2CContainerProbe:37a HPAConfigurableTolerance:33a,35B,37G! HPAContainerMetrics:20a,27B,30G!,32-
    HPAGeneration:37B HPAOptimizedSelectorStore:37B HPAScaleToZero:16a,37B
    HonorPVReclaimPolicy:23a,31B,33G!,36- HostnameOverride:34a,35B,37G!
    HugePageStorageMediumSize:18a,19B,22G!,24- HugePages:10B,14G!,16- HugepageAwareEviction:37B
    HyperVContainer:10a,20d,21- IPTablesOwnershipCleanup:25a,27B,28G!,30- IPv6DualStack:16a,21B,23G!,28-
    IdentifyPodOS:23a,24B,25G!,27- ImageMaximumGCAge:29a,30B,35G! ImageVolume:31a,33b,35B,36G!
    ImageVolumeWithDigest:36a ImmutableEphemeralVolumes:18a,19B,21G!,24- InOrderInformers:33B,36G!
    InOrderInformersBatchProcess:35B InPlacePodLevelResourcesVerticalScaling:35a,36B
    InPlacePodVerticalScaling:27a,33B,35G! InPlacePodVerticalScalingAllocatedStatus:32a,33d,36-
    InPlacePodVerticalScalingExclusiveCPUs:32a InPlacePodVerticalScalingExclusiveMemory:34a
    InPlacePodVerticalScalingInitContainers:36B,37G! InPlacePodVerticalScalingMemoryBackedVolumes:37a
    InPlacePodVerticalScalingSchedulerPreemption:37a InTreePluginAWSUnregister:21a,31-
    InTreePluginAzureDiskUnregister:21a,31- InTreePluginAzureFileUnregister:21a,31-
    InTreePluginGCEUnregister:21a,31- InTreePluginOpenStackUnregister:21a,31-
    InTreePluginPortworxUnregister:23a,36- InTreePluginRBDUnregister:23a,28d,31-
    InTreePluginvSphereUnregister:21a,31- IndexedJob:21a,22B,24G!,26- InformerResourceVersion:30a,35G
    IngressClassNamespacedParams:21a,22B,23G!,25- Initializers:10a,14- InterPodAffinityHostnameFastPath:37a
    JobBackoffLimitPerIndex:28a,29B,33G!,37- JobManagedBy:30a,32B,35G!
    JobMutableNodeSchedulingDirectives:23B,27G!,29- JobPodFailurePolicy:25a,26B,31G!,33-
    JobPodReplacementPolicy:28a,29B,34G!,37- JobReadyPods:23a,24B,29G!,31- JobSuccessPolicy:30a,31B,33G!,37-
    JobTrackingWithFinalizers:22a,23B,24b,25B,26G!,29- KMSv1:28D,29d KMSv2:25a,27B,29G!,32-
    KMSv2KDF:28b,29G!,32- KubeProxyDrainingTerminatingNodes:28a,30B,31G!,33- KubeProxyIPVS:37D
    KubeProxyNFTablesLocalhostNodePorts:37a KubeletAllocatedPodsEndpoint:37a
    KubeletCgroupDriverFromCRI:28a,31B,34G! KubeletCrashLoopBackOffMax:32a,35B
    KubeletCredentialProviders:20a,24B,26G!,28- KubeletEnsureSecretPulledImages:33a,35B
    KubeletFineGrainedAuthz:32a,33B,36G! KubeletInUserNamespace:22a,37B KubeletPSI:33a,34B,36G!
    KubeletPluginsWatcher:11a,12B,13G,14G!,16- KubeletPodResources:13a,15B,28G!,30-
    KubeletPodResourcesDynamicResources:27a,34B,36G! KubeletPodResourcesGet:27a,34B,36G!
    KubeletPodResourcesGetAllocatable:21a,23B,28G!,30- KubeletPodResourcesListUseActivePods:34D
    KubeletRegistrationGetOnExistsOnly:32d KubeletSeparateDiskGC:29a,31B
    KubeletServiceAccountTokenForCredentialProviders:33a,34B KubeletTracing:25a,27B,34G!
    LegacyNodeRoleBehavior:16A,19B,21g!,22- LegacyServiceAccountTokenCleanUp:28a,29B,30G!,32-
    LegacyServiceAccountTokenNoAutoGeneration:24B,26G,27G!,29-
    LegacyServiceAccountTokenTracking:26a,27B,28G!,30- LegacySidecarContainers:33d,34-
    ListFromCacheSnapshot:33a,34B LoadBalancerIPMode:29a,30B,32G!,35-
    LocalStorageCapacityIsolation:10B,25G!,27-
    LocalStorageCapacityIsolationFSQuotaMonitoring:15a,25B,26a,31b LogarithmicScaleDown:21a,22B,31G!,37-
    LoggingAlphaOptions:25a LoggingBetaOptions:25B ManifestBasedAdmissionControlConfig:36a,37B
    MatchLabelKeysInPodAffinity:29a,31B,33G! MatchLabelKeysInPodTopologySpread:25a,27B
    MatchLabelKeysInPodTopologySpreadSelectorMerge:34B MaxUnavailableStatefulSet:24a,35b,37B
    MemoryManager:21a,22B,32G!,36- MemoryQoS:22a,37B MinDomainsInPodTopologySpread:24a,25b,27B,30G!,32-
    MinimizeIPTablesRestore:26a,27B,28G!,30- MixedProtocolLBService:20a,24B,26G!,28- MountContainers:10a,17-
    MountPropagation:10B,12G,14- MultiCIDRRangeAllocator:25a,29- MultiCIDRServiceAllocator:27a,31b,33G,34G!
    MutableCSINodeAllocatableCount:33a,34b,35B,36G! MutablePVNodeAffinity:35a
    MutablePodResourcesForSuspendedJobs:35a,36B MutableSchedulingDirectivesForSuspendedJobs:35a,36B
    MutatingAdmissionPolicy:30a,34b,36G NFTablesNetlink:37B NFTablesProxyMode:29a,31B,33G!
    NamespaceDefaultLabelName:21B,22G!,24- NativeHistograms:36a,37B NetworkPolicyEndPort:21a,22B,25G!,27-
    NetworkPolicyStatus:24a,28- NewVolumeManagerReconstruction:27B,30G!,32-
    NodeControllerLeaseCircuitBreaker:37B NodeDeclaredFeatures:35a,36B,37G!
    NodeDisruptionExclusion:16a,19B,21G!,22- NodeInclusionPolicyInPodTopologySpread:25a,26B,33G!
    NodeLease:12a,14B,17G!,23- NodeLifecycleConditions:37a NodeLogQuery:27a,30b,36G!
    NodeOutOfServiceVolumeDetach:24a,26B,28G!,32- NodeSwap:22a,28b,30B,34G!
    NominatedNodeNameForExpectation:34a,35B NonPreemptingPriority:15a,19B,24G!,26- OpenAPIEnums:23a,24B
    OpenAPIV3:23a,24B,27G!,29- OpportunisticBatching:35B OrderedNamespaceDeletion:30b,33B,34G!,37-
    PDBUnhealthyPodEvictionPolicy:26a,27B,31G!,33- PLEGOnDemandRelist:36B,37G!
    PersistentLocalVolumes:10B,14G!,17- PersistentVolumeClaimUnusedSinceTime:36a,37B
    PersistentVolumeLastPhaseTransitionTime:28a,29B,31G!,33- PodAffinityNamespaceSelector:21a,22B,24G!,26-
    PodAndContainerStatsFromCRI:23a,37b PodCertificateRequest:34a,35b,37G PodDeletionCost:21a,22B
    PodDisruptionBudget:17B,21G!,25- PodDisruptionConditions:25a,26B,31G!,34- PodGroupPreemptionPolicy:37a
    PodHasNetworkCondition:25a,28- PodHostIPs:28a,29B,30G!,32- PodIndexLabel:28B,32G!,35-
    PodLevelResourceManagers:36a,37b PodLevelResources:32a,34B PodLevelResourcesFixDefaulting:37B
    PodLevelResourcesFixKubeletQOSClass:37B PodLifecycleSleepAction:29a,30B,34G!,37-
    PodLifecycleSleepActionAllowZero:32a,33B,34G!,37- PodLogsQuerySplitStreams:32a
    PodObservedGenerationTracking:33a,34B,35G! PodOverhead:16a,18B,24G!,26- PodPriority:10a,11B,14G,16G!,18-
    PodReadinessGates:11b,12B,14G!,16- PodReadyToStartContainersCondition:28a,29B,37G!
    PodSchedulingReadiness:26a,27B,30G! PodSecurity:22a,23B,25G!,28-
    PodShareProcessNamespace:10a,12B,17G!,19- PodTopologyLabelsAdmission:33a,35B PodsAPI:36a,37B
    PortForwardWebsockets:30a,31B PreferNominatedNode:21a,22B,24G!,26-
    PreferSameTrafficDistribution:33a,34B,35G! PreventStaticPodAPIReferences:34B,37-
    ProbeHostPodSecurityStandards:34G!,35- ProbeTerminationGracePeriod:21a,22b,25B,28G!,29-
    ProcMountType:12a,31b,33B,36G! ProxyTerminatingEndpoints:22a,26B,28G!,30- QOSReserved:11a
    ReadOnlyAPIDataVolumes:10D,12- ReadWriteOncePod:22a,27B,29G!,31-
    RecoverVolumeExpansionFailure:23a,32B,34G! RecursiveReadOnlyMounts:30a,31B,33G!
    ReduceDefaultCrashLoopBackOffDecay:33a RelaxedDNSSearchValidation:32a,33B,34G!,37-
    RelaxedEnvironmentVariableValidation:30a,32B,34G! RelaxedServiceNameValidation:34a,36B,37G!
    ReloadKubeletClientCAFile:36B ReloadKubeletServerCertificateFile:31B RemainingItemCount:17B,29G!,33-
    RemoteRequestHeaderUID:32a,33B RemoveSelfLink:17a,20B,24G!,30- RequestManagement:15a,17-
    ResilientWatchCacheInitialization:31B,34G!,37- ResourceHealthStatus:31a,36B
    ResourceHealthStatusMessage:36B ResourceLimitsPriorityFunction:10a,19-
    ResourceQuotaScopeSelectors:11a,12B,17G!,18- RestartAllContainersOnContainerExits:35a,36B
    RetroactiveDefaultStorageClass:25a,26B,28G!,29- RetryGenerateName:30a,31B,32G!,37-
    RootCAConfigMap:20B,21G!,22- RotateKubeletClientCertificate:10B,19G!,21-
    RotateKubeletServerCertificate:10a,12B RunAsGroup:10a,14B,21G!,22- RuntimeClass:12a,14B,20G!,24-
    RuntimeClassInImageCriApi:29a SCTPSupport:12a,19B,20G!,22- SELinuxChangePolicy:32a,33B,36G!
    SELinuxMount:30a,33b,37G SELinuxMountReadWriteOncePod:25a,27B,36G!
    ScheduleDaemonSetPods:10a,12B,17G!,18- SchedulerAsyncAPICalls:34b SchedulerAsyncPreemption:32a,33B
    SchedulerPopFromBackoffQ:33B SchedulerPreQueueingHints:37a SchedulerQueueingHints:28B,29b,32B,34G!,37-
    SeccompDefault:22a,25B,27G!,29- SecurityContextDeny:27a,30- SelectorIndex:18a,19B,20G!,25-
    SeparateCacheWatchRPC:29B,33d,36d! SeparateTaintEvictionController:29B,34G!
    ServerSideApply:14a,16B,22G,26G!,32- ServerSideFieldValidation:23a,25B,27G!,32-
    ServiceAccountIssuerDiscovery:18a,20B,21G!,23- ServiceAccountNodeAudienceRestriction:32b,33B
    ServiceAccountTokenJTI:29a,30B,32G! ServiceAccountTokenNodeBinding:29a,31B,33G!
    ServiceAccountTokenNodeBindingValidation:29a,30B,32G! ServiceAccountTokenPodNodeInfo:29a,30B,32G!
    ServiceAppProtocol:18a,19B,20G!,22- ServiceCIDRStatusFieldWiping:36D
    ServiceIPStaticSubrange:24a,25B,26G!,28- ServiceInternalTrafficPolicy:21a,22B,26G!,28-
    ServiceLBNodePortControl:20a,22B,24G!,26- ServiceLoadBalancerClass:21a,22B,24G!,26-
    ServiceLoadBalancerFinalizer:15a,16B,17G!,20- ServiceNodeExclusion:10a,19B,21G!,22-
    ServiceNodePortStaticSubrange:27a,28B,29G!,31- ServiceProxyAllowExternalIPs:10d,12-
    ServiceTopology:17a,22- ServiceTrafficDistribution:30a,31B,33G!,36- SetHostnameAsFQDN:19a,20B,22G!,24-
    ShardedListAndWatch:36a SidecarContainers:28a,29B,33G!,37- SizeBasedListCostEstimate:34B
    SizeMemoryBackedVolumes:20a,22B,32G!,35- SkipReadOnlyValidationGCE:28a,29D,31-
    StableLoadBalancerNodeSet:27B,30G!,32- StaleControllerConsistencyDaemonSet:36B
    StaleControllerConsistencyHPA:37B StaleControllerConsistencyJob:36B
    StaleControllerConsistencyReplicaSet:36B StaleControllerConsistencyStatefulSet:36B
    StartupProbe:16a,18B,20G!,23- StatefulSetAutoDeletePVC:23a,27B,32G!,35-
    StatefulSetMinReadySeconds:22a,23B,25G!,27- StatefulSetRecreateStrategy:37a
    StatefulSetSemanticRevisionComparison:34B StatefulSetStartOrdinal:26a,27B,31G!,34-
    StorageCapacityScoring:33a,37B StorageNamespaceIndex:30B,33D
    StorageObjectInUseProtection:10B,11G,23G!,25- StorageVersionAPI:20a StorageVersionHash:17B
    StorageVersionMigrator:30a,35b,37G StreamingCollectionEncodingToJSON:33B,34G!,37-
    StreamingCollectionEncodingToProtobuf:33B,34G!,37- StreamingProxyRedirects:10B,18D,22d,24-
    StrictCostEnforcementForVAP:30b,32G!,35- StrictCostEnforcementForWebhooks:30b,32G!,35-
    StrictIPCIDRValidation:33a,36B StructuredAuthenticationConfiguration:29a,30B,34G!,37-
    StructuredAuthenticationConfigurationEgressSelector:34B
    StructuredAuthenticationConfigurationJWKSMetrics:35B
    StructuredAuthorizationConfiguration:29a,30B,32G!,36- SupplementalGroupsPolicy:31a,33B,35G!
    SupportIPVSProxyMode:10B,11G,20- SupportNodePidsLimit:14a,15B,20G!,23-
    SupportPodPidsLimit:10a,14B,20G!,23- SuspendJob:21a,22B,24G!,26- Sysctls:11B,21G!,23-
    SystemdWatchdog:32B,35G! TTLAfterFinished:12a,21B,23G!,25- TaintBasedEvictions:10a,13B,18G!,20-
    TaintNodesByCondition:10a,12B,17G!,18- TaintTolerationComparisonOperators:35a
    TokenRequest:10a,12B,20G!,21- TokenRequestProjection:11a,12B,20G!,21-
    TokenRequestServiceAccountUIDValidation:34B TopologyAwareHints:21a,23b,24B,33G!,36-
    TopologyAwareWorkloadScheduling:36a TopologyManager:16a,18B,27G!,29-
    TopologyManagerPolicyAlphaOptions:26a TopologyManagerPolicyBetaOptions:26b,28B
    TopologyManagerPolicyOptions:26a,28B,32G,36G! TranslateStreamCloseWebsocketRequests:29a,30B
    UnauthenticatedHTTP2DOSMitigation:29B UnknownVersionInteroperabilityProxy:28a,36B
    UnlockWhileProcessingFIFO:36B UserNamespacesHostNetworkSupport:35a
    UserNamespacesPodSecurityStandards:29a,35- UserNamespacesStatelessPodsSupport:25a,28-
    UserNamespacesSupport:28a,30b,33B,36G! ValidateProxyRedirects:14B,22D,24-
    ValidatingAdmissionPolicy:26a,28b,30G!,32- VolumeAttributesClass:29a,31b,34G,36G!
    VolumeBindMountOptions:37a VolumeCapacityPriority:21a,33- VolumeLimitScaling:35a,37B
    VolumePVCDataSource:15a,16B,18G!,21- VolumeScheduling:10B,13G,14G!,16-
    VolumeSnapshotDataSource:12a,17B,20G!,22- VolumeSubpath:10G,23G!,25-
    VolumeSubpathEnvExpansion:11a,15B,17G!,19- WarningHeaders:19B,22G!,24- WatchBookmark:17G!,33-
    WatchCacheInitializationPostStartHook:31b,36B,37G! WatchFromStorageWithoutResourceVersion:29b,33d!,36-
    WatchList:27a,32B,33b,34B WatchListClient:30b,35B WatchListCompression:37B
    WebhookRoundTripLoadBalancing:37B WinDSR:17a,33B,34G! WinOverlay:17a,20B,34G!
    WindowsCPUAndMemoryAffinity:32a WindowsEndpointSliceProxying:19a,21B,22G!,25-
    WindowsGMSA:14a,16B,18G!,21- WindowsGracefulNodeShutdown:32a,34B WindowsHostNetwork:26A,33d
    WindowsHostProcessContainers:22a,23B,26G!,28- WindowsRunAsUserName:16a,17B,18G!,21-
    WorkloadAwarePreemption:36a,37- WorkloadWithJob:36a ZeroLimitedNominalConcurrencyShares:29b,30G!,32-
    csiMigrationRBD:23a,24-
"""

NEEDS = """
    AuthorizeNodeWithSelectors>AuthorizeWithSelectors:35-36
    ClusterTrustBundleProjection>ClusterTrustBundle:35 CompositePodGroup>GenericWorkload:37
    CompositePodGroup>TopologyAwareWorkloadScheduling:37 DRAAdminAccess>DynamicResourceAllocation:35
    DRAConsumableCapacity>DynamicResourceAllocation:35 DRADerivedAttributes>DynamicResourceAllocation:37
    DRADeviceBindingConditions>DRAResourceClaimDeviceStatus:35
    DRADeviceBindingConditions>DynamicResourceAllocation:35
    DRADeviceCompatibilityGroups>DRAPartitionableDevices:37
    DRADeviceCompatibilityGroups>DynamicResourceAllocation:37 DRADeviceTaintRules>DRADeviceTaints:35
    DRADeviceTaints>DynamicResourceAllocation:35 DRAExtendedResource>DynamicResourceAllocation:35
    DRAFractionalCapacityRange>DRAConsumableCapacity:37 DRAListTypeAttributes>DynamicResourceAllocation:36
    DRANodeAllocatableResources>DynamicResourceAllocation:36
    DRAOptionalNodeOperations>DynamicResourceAllocation:37 DRAOptionalNodeOperations>NodeDeclaredFeatures:37
    DRAPartitionableDevices>DynamicResourceAllocation:35
    DRAPartitionableDevicesType>DRAPartitionableDevices:37
    DRAPartitionableDevicesType>DRAResourcePoolStatus:37
    DRAPartitionableDevicesType>DynamicResourceAllocation:37 DRAPrioritizedList>DynamicResourceAllocation:35
    DRAResourceClaimGranularStatusAuthorization>DRAResourceClaimDeviceStatus:36
    DRAResourceClaimGranularStatusAuthorization>DynamicResourceAllocation:36
    DRAResourcePoolStatus>DynamicResourceAllocation:36
    DRASchedulerFilterTimeout>DynamicResourceAllocation:35
    DRAWorkloadResourceClaims>DynamicResourceAllocation:36 DRAWorkloadResourceClaims>GenericWorkload:36
    DeclarativeValidationBeta>DeclarativeValidation:36
    DeclarativeValidationTakeover>DeclarativeValidation:35
    DisableAllocatorDualWrite>MultiCIDRServiceAllocator:35 EventedPLEG>PLEGOnDemandRelist:37
    ExtendWebSocketsToKubelet>NodeDeclaredFeatures:36 GangScheduling>GenericWorkload:35-36
    GracefulNodeShutdownBasedOnPodPriority>GracefulNodeShutdown:35 H2CContainerProbe>NodeDeclaredFeatures:37
    ImageVolumeWithDigest>ImageVolume:36
    InPlacePodLevelResourcesVerticalScaling>InPlacePodVerticalScaling:35
    InPlacePodLevelResourcesVerticalScaling>NodeDeclaredFeatures:35
    InPlacePodLevelResourcesVerticalScaling>PodLevelResources:35
    InPlacePodVerticalScalingAllocatedStatus>InPlacePodVerticalScaling:35-35
    InPlacePodVerticalScalingExclusiveCPUs>InPlacePodVerticalScaling:35
    InPlacePodVerticalScalingExclusiveMemory>InPlacePodVerticalScaling:35
    InPlacePodVerticalScalingExclusiveMemory>MemoryManager:35-35
    InPlacePodVerticalScalingInitContainers>InPlacePodVerticalScaling:36
    InPlacePodVerticalScalingInitContainers>NodeDeclaredFeatures:36
    InPlacePodVerticalScalingMemoryBackedVolumes>InPlacePodVerticalScaling:37
    InPlacePodVerticalScalingMemoryBackedVolumes>NodeDeclaredFeatures:37
    InPlacePodVerticalScalingSchedulerPreemption>InPlacePodVerticalScaling:37
    KubeletAllocatedPodsEndpoint>InPlacePodVerticalScaling:37
    MatchLabelKeysInPodTopologySpreadSelectorMerge>MatchLabelKeysInPodTopologySpread:35
    NodeControllerLeaseCircuitBreaker>AtomicFIFO:37 PodCertificateRequest>AuthorizeNodeWithSelectors:35-36
    PodGroupPreemptionPolicy>GenericWorkload:37 PodLevelResourceManagers>PodLevelResources:36
    PodLevelResourcesFixDefaulting>PodLevelResources:37
    PodLevelResourcesFixKubeletQOSClass>PodLevelResources:37
    PodLifecycleSleepActionAllowZero>PodLifecycleSleepAction:35-36 ProcMountType>UserNamespacesSupport:35
    ResourceHealthStatus>DynamicResourceAllocation:35 ResourceHealthStatusMessage>ResourceHealthStatus:36
    RestartAllContainersOnContainerExits>ContainerRestartRules:35
    RestartAllContainersOnContainerExits>NodeDeclaredFeatures:35
    ServiceAccountTokenNodeBinding>ServiceAccountTokenNodeBindingValidation:35
    StaleControllerConsistencyDaemonSet>AtomicFIFO:36 StaleControllerConsistencyHPA>AtomicFIFO:37
    StaleControllerConsistencyJob>AtomicFIFO:36 StaleControllerConsistencyReplicaSet>AtomicFIFO:36
    StaleControllerConsistencyStatefulSet>AtomicFIFO:36 StorageVersionAPI>APIServerIdentity:35
    StructuredAuthenticationConfigurationEgressSelector>StructuredAuthenticationConfiguration:35-36
    StructuredAuthenticationConfigurationJWKSMetrics>StructuredAuthenticationConfiguration:35-36
    TopologyAwareWorkloadScheduling>GenericWorkload:36
    UnknownVersionInteroperabilityProxy>APIServerIdentity:35
    UserNamespacesHostNetworkSupport>NodeDeclaredFeatures:36
    UserNamespacesHostNetworkSupport>UserNamespacesSupport:35
    WindowsCPUAndMemoryAffinity>MemoryManager:35-35 WindowsGracefulNodeShutdown>GracefulNodeShutdown:35
    WorkloadAwarePreemption>GangScheduling:36-36 WorkloadWithJob>GenericWorkload:36
"""
